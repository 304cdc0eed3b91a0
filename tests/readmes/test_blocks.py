"""The laws of the pages: no block hides, data parse, links lead somewhere, what is named exists."""

from __future__ import annotations

import collections
import json
import pathlib
import re
import shlex
import sys

import click
import pytest
from pages import PAGES, ROOT, blocks, named
from pages._blocks import FENCE
from pages._reader import RUN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Blocks that show something and are read by other means: data, requests (`test_protocol_docs.py`
#: replays them), workflows (`test_signing_guide.py`), and places where docstrings are put in.
SHOWN = {"text", "toml", "ini", "json", "csv", "yaml", "http", "nginx", "{eval-rst}"}

pytestmark = [pytest.mark.readme, pytest.mark.timeout(300)]


def test_every_block_is_run_or_says_that_it_is_only_shown() -> None:
    unknown = [
        f"{block.place} ```{block.language}"
        for page in PAGES
        for block in blocks(page)
        if block.language not in RUN | SHOWN
    ]

    assert unknown == []


def test_no_block_hides_from_these_tests() -> None:
    other = re.compile(r"^(?: *> *`{3}.*|\t+`{3}.*|[ \t]*~{3}.*|[ \t]*`{4}.*)$", re.MULTILINE)
    hidden = [
        f"{named(page)}: {fence}" for page in PAGES for fence in other.findall(page.read_text())
    ]

    assert hidden == []


def _has(page: pathlib.Path, place: str) -> bool:
    """Say whether a heading of *page*, or of what it includes, has the anchor *place*."""
    text = page.read_text()
    if included := re.search(r"^:::\{include\} (\S+)", text, re.MULTILINE):
        text += (page.parent / included[1]).read_text()
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return place in {heading.replace(" ", "-") for heading in plain}


def test_links_between_files_of_the_repository_lead_to_places_that_are_there() -> None:
    broken = []
    for page in PAGES:
        for address in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", FENCE.sub("", page.read_text())):
            name, _, place = address.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (place and not _has(target, place)):
                broken.append(f"{named(page)}: {address}")

    assert broken == []


def test_a_readme_that_an_index_shows_links_to_its_own_places_alone() -> None:
    """A path into the repository leads nowhere from a page of an index."""
    relative = [
        f"{named(page)}: {address}"
        for page in ROOT.glob("packages/*/README.md")
        for address in re.findall(r"\]\((?!#|https://)([^)]*)\)", FENCE.sub("", page.read_text()))
    ]

    assert relative == []


def test_the_pages_that_a_readme_names_in_words_are_there() -> None:
    in_words = {
        (path, named(page))
        for page in PAGES
        for path in re.findall(r"`(docs/[\w./-]+\.md)`", page.read_text())
    }

    assert in_words
    assert {(path, page) for path, page in in_words if not (ROOT / path).exists()} == set()


def test_a_page_runs_what_it_says_where_it_can() -> None:
    languages = [block.language for page in PAGES if "docs" in page.parts for block in blocks(page)]

    assert languages.count("text") * 3 <= sum(language in RUN for language in languages)


def test_shown_data_can_be_read() -> None:
    readers = {"toml": tomllib.loads, "json": json.loads}
    for page in PAGES:
        for block in blocks(page):
            if block.language in readers:
                try:
                    readers[block.language](block.text)
                except ValueError as error:
                    pytest.fail(f"{block.place}: {error}")


#: A command of ours in a sentence, and not the number of a format such as `otumat-usage answer 1`.
OURS = r"(?<!`)`(otumat(?:-sign|-usage|-watch)? (?!answer \d)[^`]+)`(?!`)"


def _commands_in_sentences() -> list[tuple[str, str]]:
    """Return the page and the text of each command of ours that stands in a sentence."""
    return [
        (named(page), re.sub(r"\s+", " ", code))
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for code in re.findall(OURS, FENCE.sub("", page.read_text()))
    ]


def test_commands_in_sentences_exist_with_the_options_they_are_given() -> None:
    found = _commands_in_sentences()
    wrong = [f"{page}: {code}: {why}" for page, code in found
             if (why := _objection(shlex.split(code)))]  # fmt: skip

    assert len(found) > 50
    assert wrong == []


def _objection(words: list[str]) -> str | None:
    """Say what the command line would find wrong with *words*, without running anything."""
    from otumat.cli import otumat
    from otumat_usage.host.cli import host_group, report_command

    program, *rest = words
    part = program.partition("-")[2]
    command: click.Command = otumat
    path = [part] if part in {"usage", "watch"} else []
    rest = [*path, *rest]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name, *rest = rest
        lazy = {"host": host_group, "report": report_command}
        context = click.Context(command, info_name=program, **command.context_settings)
        found = command.get_command(context, name)
        if found is None:
            return f"there is no command {name}"
        command = lazy.get(name, found) if command.name == "usage" else found
    try:
        with click.Context(command, info_name=program, **command.context_settings) as context:
            command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        return error.format_message()
    return None


def test_every_session_of_nox_that_is_named_exists() -> None:
    tasks = (ROOT / "noxfile.py").read_text()
    sessions = set(re.findall(r"^def ([a-z]\w*)\(session", tasks, re.MULTILINE))
    sessions |= set(re.findall(r'^@nox\.session\(.*name="([\w-]+)"', tasks, re.MULTILINE))
    named_there = {
        (name.partition("-3.")[0], named(page))
        for page in PAGES
        for name in re.findall(r"\bnox -s ([a-z][\w.-]*)", page.read_text())
    }

    assert {(name, place) for name, place in named_there if name not in sessions} == set()


#: The blocks of commands that nothing runs as they stand, by page: how many. Let it only shrink.
NOT_RUN = {
    "CONTRIBUTING.md": 4,
    "README.md": 2,
    "benchmarks/host/README.md": 1,
    "benchmarks/sign/README.md": 3,
    "benchmarks/watch/README.md": 1,
}
#: What a block may need besides Python, git and openssl; the session `operating` has it.
TOOLS = {"curl", "postgresql", "ssh-keygen"}


def test_the_blocks_that_nobody_runs_are_few_and_say_why() -> None:
    marked = [block for page in PAGES for block in blocks(page) if block.not_run]
    here = {named(page) for page in PAGES}

    assert {block.language for block in marked} <= {"sh"}
    assert NOT_RUN.keys() <= here
    assert collections.Counter(named(block.page) for block in marked) == NOT_RUN


def test_what_a_block_needs_is_known_to_the_session_that_has_it() -> None:
    needed = [block for page in PAGES for block in blocks(page) if block.needs]

    assert {block.language for block in needed} <= RUN
    assert frozenset().union(*(block.needs for block in needed)) == TOOLS


def test_every_mark_stands_directly_above_a_block() -> None:
    for page in PAGES:
        marks = len(re.findall(r"<!-- (?:given|not run|needs)\b", page.read_text()))
        seen = [block for block in blocks(page)
                if block.language == "given" or block.not_run or block.needs]  # fmt: skip

        assert marks == len(seen), named(page)


def test_every_page_of_the_site_says_for_whom_it_is() -> None:
    """The first page has a table of them; a page that only includes a file has that file's."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page != ROOT / "docs" / "index.md"]
    silent = []
    for page in pages:
        own = re.sub(r"(?ms):::\{include\}.*?^:::$", "", page.read_text())
        text = re.sub(r"^#.*$", "", own, count=1, flags=re.MULTILINE).strip()
        if text and not re.match(r"(?:\*\*)?For\b", text):
            silent.append(named(page))

    assert len(pages) > 40
    assert silent == []


def test_the_modules_that_the_architecture_names_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    modules = {path.stem for path in ROOT.glob("packages/*/src/**/*.py")}
    words = set(re.findall(r"`(_[a-z]\w*)(?:\.\w+)?`", text))

    assert len(words) > 40
    assert words - modules == {"__init__"} - modules


def test_the_reviewer_is_told_every_dependency() -> None:
    text = (ROOT / "docs" / "how-to" / "security-review.md").read_text()
    told = re.search(r"^Dependencies at run time: (.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert told
    for part in told[1].split(";")[:3]:
        dist = re.search(r"`(otumat-\w+)`", part)
        assert dist
        project = tomllib.loads((ROOT / "packages" / dist[1] / "pyproject.toml").read_text())
        names = {re.split(r"[^\w-]", each)[0] for each in project["project"]["dependencies"]}
        words = set(re.findall(r"[a-z]+", part.replace(dist[0], "")))

        assert names <= words, part
