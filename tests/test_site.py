"""The documentation site as a reader gets it: whole, offline, and true to the programs."""

from __future__ import annotations

import html.parser
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
SITE = ROOT / "site"
PAGES = sorted(SITE.rglob("*.html"))
DOCS = sorted((ROOT / "docs").rglob("*.md"))
#: What a browser loads by itself; a link in a text (`a`) is only followed by a reader.
LOADED = {"src", "srcset", "poster", "data", "action", "formaction", "background", "manifest"}

pytestmark = [pytest.mark.docs, pytest.mark.timeout(120)]


class Page(html.parser.HTMLParser):
    """What a page loads, where it leads, and which places it has."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self._in_script = tag == "script"
        for name, given in attrs:
            value = given or ""
            if name in {"id", "name"}:
                self.places.add(value)
            elif name in LOADED or (name == "href" and tag != "a"):
                self.loaded.append(value)
            elif name == "href":
                self.links.append(value)
            elif name == "style" or name.startswith("on"):
                self.scripts.append(value)

    def handle_data(self, data):
        if self._in_script:
            self.scripts.append(data)

    def handle_endtag(self, _tag):
        self._in_script = False


@pytest.fixture(name="pages", scope="module")
def _pages():
    assert PAGES, f"{SITE} is not there: nox -s docs builds it"
    return {path: Page(path) for path in PAGES}


def test_nothing_on_a_page_is_loaded_from_elsewhere(pages):
    foreign = [
        f"{path.relative_to(SITE)}: {address}"
        for path, page in pages.items()
        for address in page.loaded
        if re.match(r"([a-z]+:)?//", address)
    ]

    assert foreign == []


def test_no_style_or_script_names_another_machine(pages):
    texts = {path: path.read_text(encoding="utf-8") for path in SITE.rglob("*.css")}
    texts |= {path: "\n".join(page.scripts) for path, page in pages.items()}
    foreign = [
        f"{path.relative_to(SITE)}: {match}"
        for path, text in texts.items()
        for match in re.findall(
            r"""(?:@import|url\(|fetch\(|import\()\s*["']?(?:https?:)?//.*""", text
        )
    ]

    assert foreign == []


def test_every_page_of_the_repository_is_on_the_site():
    lost = [
        str(page.relative_to(ROOT))
        for page in DOCS
        if not (SITE / page.relative_to(ROOT / "docs")).with_suffix(".html").exists()
    ]

    assert lost == []


def test_every_link_on_the_site_leads_to_a_place_that_is_there(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            address, _, place = link.partition("#")
            if re.match(r"[a-z]+:", address):
                continue
            target = (path.parent / urllib.parse.unquote(address)).resolve() if address else path
            if target not in pages:
                if not target.is_file():
                    broken.append(f"{path.relative_to(SITE)}: {link}")
            elif place and urllib.parse.unquote(place) not in pages[target].places:
                broken.append(f"{path.relative_to(SITE)}: {link}")

    assert broken == []


def test_the_pages_that_a_readme_names_in_words_are_links_on_the_site(pages):
    named = {
        (part, re.sub(r"\.md$", ".html", path))
        for part in ("otumat", "sign", "usage", "watch")
        for readme in [ROOT / "packages" / f"otumat-{part}".removesuffix("-otumat") / "README.md"]
        for path in re.findall(r"`docs/([\w/-]+\.md)`", readme.read_text(encoding="utf-8"))
    }
    lost = [
        (part, path)
        for part, path in named
        if f"../{path}" not in pages[SITE / "packages" / f"{part}.html"].links
    ]

    assert ("otumat", "tutorials/otumat.html") in named
    assert lost == []


def test_links_to_elsewhere_are_whole_https_addresses(pages):
    odd = [
        f"{path.relative_to(SITE)}: {link}"
        for path, page in pages.items()
        for link in page.links
        if re.match(r"[a-z]+:", link)
        and not re.fullmatch(r"https://([a-z0-9-]+\.)+[a-z]{2,}(/[^\s<>\"]*)?", link)
    ]

    assert odd == []


def test_every_page_can_be_reached_from_the_first_one(pages):
    first = SITE / "index.html"
    reached, waiting = {first, SITE / "search.html"}, [first]  # the search field leads there
    while waiting:
        path = waiting.pop()
        for link in pages[path].links:
            target = (path.parent / link.partition("#")[0]).resolve()
            if target in pages and target not in reached:
                reached.add(target)
                waiting.append(target)

    assert sorted(str(path.relative_to(SITE)) for path in set(pages) - reached) == []


def test_pages_have_what_a_keyboard_and_a_screen_reader_need():
    """The theme leaves it out; `docs/_site/accessible.py` puts it in."""
    wanted = {
        "named landmark": r'<aside class="(?:sidebar|toc)-drawer">',
        "level of a heading": r'role="heading">',
        "focus of what scrolls": r"<pre>|<div class=\"table-wrapper|<div class=\"flow-box\">",
        "head of a column": r'<th class="head"><p></p></th>',
    }
    lacking = [
        f"{path.relative_to(SITE)}: {what}"
        for path in PAGES
        for what, without in wanted.items()
        if re.search(without, path.read_text(encoding="utf-8"))
    ]

    assert lacking == []


def _commands() -> list[tuple[str, str]]:
    """Return each command on the reference page and what the page says its help is."""
    page = SITE / "reference" / "commands.html"
    text = page.read_text(encoding="utf-8")
    found = re.findall(
        r'<section id="(otumat[a-z-]*)">.*?<pre tabindex="0">(.*?)</pre>', text, re.DOTALL
    )
    names = {
        match[0]: match[1]
        for match in re.findall(r'<section id="([^"]+)">\s*<h\d><code[^>]*>(.*?)</code>', text)
    }
    plain = [(names[place], re.sub(r"<[^>]+>", "", block)) for place, block in found]
    return [(re.sub(r"<[^>]+>", "", name), html.unescape(block)) for name, block in plain]


#: The command itself in a process of its own for each line of its input; the start is shared.
ASK = """
import contextlib, os, sys
from otumat import cli
import otumat_sign.cli, otumat_usage.cli, otumat_usage.host.cli, otumat_watch.cli
for line in sys.stdin:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        sys.argv = [*line.split(), "--help"]
        try:
            cli.main()
        finally:
            sys.stdout.flush()
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print(chr(0), end="")
"""


def test_the_reference_says_of_every_command_what_its_help_says():
    reference = dict(_commands())
    env = os.environ | {"COLUMNS": "80", "LC_ALL": "C.UTF-8"}

    done = subprocess.run(
        [sys.executable, "-c", ASK], env=env, input="\n".join(reference), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    helps = dict(zip(reference, done.stdout.split("\0"), strict=False))

    assert {"otumat watch", "otumat verify", "otumat keyring revoke", "otumat usage status",
            "otumat usage host serve", "otumat usage report"} <= reference.keys()  # fmt: skip
    assert helps == reference


def test_the_reference_has_every_public_name(pages):
    import otumat_sign
    import otumat_usage
    import otumat_usage.exceptions
    import otumat_usage.testing
    import otumat_watch

    usage = (otumat_usage, otumat_usage.exceptions, otumat_usage.testing)
    modules = (otumat_sign, *usage, otumat_watch)
    wanted = {f"{module.__name__}.{name}" for module in modules for name in module.__all__}
    found = {place for path, page in pages.items() if path.parent.name == "reference"
             for place in page.places}  # fmt: skip

    assert sorted(wanted - found) == []
