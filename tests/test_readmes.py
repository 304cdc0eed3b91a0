"""Run what READMEs and documentation tell people to run, and compare what they are told they see.

```python blocks are complete programs, each run in an empty folder; ```console blocks are
`$ command` lines with their output, `...` standing for any lines, run in order in one folder.
```console terminal blocks are run at a terminal, where what stands after `[y/N] ` is typed; a yes
on the host's page is given by a stand-in for the browser. Other blocks are only shown, and kept to
what can be known of them: data must parse, commands must exist with the options they are given.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import select
import shlex
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time

import click
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
READMES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("packages/*/README.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
    *sorted(ROOT.glob("benchmarks/**/README.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
BLOCK = re.compile(r"^( *)```([\w {}-]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
RUN = {"python", "console", "console terminal"}
#: Blocks that show something without being run: data, commands for a machine of one's own,
#: requests (`test_protocol_docs.py` replays them), and places where docstrings are put in.
SHOWN = {"text", "toml", "ini", "sh", "json", "csv", "yaml", "http", "nginx", "{eval-rst}"}

pytestmark = [pytest.mark.readme, pytest.mark.timeout(300)]


@dataclasses.dataclass(frozen=True)
class Command:
    """One `$` line of a console block and the output that the README promises."""

    line: int
    text: str
    output: str


def _blocks(readme: pathlib.Path) -> list[tuple[str, int, str]]:
    text = readme.read_text()
    return [
        (match[2], text.count("\n", 0, match.start()) + 1, textwrap.dedent(match[3]))
        for match in BLOCK.finditer(text)
    ]


def _commands(line: int, block: str) -> list[Command]:
    commands: list[Command] = []
    for number, row in enumerate(block.splitlines(), line + 1):
        if row.startswith("$ "):
            commands.append(Command(number, row[2:], ""))
        elif (row == ">" or row.startswith("> ")) and not commands[-1].output:
            commands[-1] = dataclasses.replace(
                commands[-1], text=commands[-1].text + "\n" + row[2:]
            )
        else:
            output = commands[-1].output + row + "\n"
            commands[-1] = dataclasses.replace(commands[-1], output=output)
    return commands


#: How long one command of a page may take, in seconds: only what hangs is stopped by it.
PATIENCE = 60.0
TYPED = re.compile(r"\[y/N\] ?(.*)")
#: Runs a program at a terminal of its own and answers its questions; its output is the terminal's.
AT_A_TERMINAL = """
import os, pty, sys
answers, command = sys.argv[1].split(chr(31)), sys.argv[2]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-c", command])
seen = b""
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    seen += chunk
    if seen.rstrip().endswith(b"[y/N]") and answers:
        seen += b" "
        os.write(terminal, answers.pop(0).encode() + b"\\n")
sys.stdout.write(seen.decode().replace("\\r\\n", "\\n").replace("[y/N]  ", "[y/N] "))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def _at_a_terminal(command: Command) -> str:
    """Return the shell command that runs *command* at a terminal and types what it shows."""
    answers = "\x1f".join(TYPED.findall(command.output))
    return shlex.join([sys.executable, "-c", AT_A_TERMINAL, answers, command.text])


class Shell:
    """A bash that keeps its folder and variables from one command to the next."""

    def __init__(self, folder: pathlib.Path, env: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=env,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """Return what *command* printed, stderr included, and its exit code."""
        assert self._bash.stdin
        assert self._bash.stdout
        # `(exit $code)` gives the command the $? of the one before it.
        line = f"{{ (exit $code)\n{command}\n}} </dev/null\ncode=$?; printf '\\0%d\\n' $code\n"
        self._bash.stdin.write(line.encode())
        self._bash.stdin.flush()
        output, until = b"", time.monotonic() + PATIENCE
        while not (end := re.search(rb"\0(\d+)\n$", output)):
            left = max(0.0, until - time.monotonic())
            ready = select.select([self._bash.stdout], [], [], left)[0]
            chunk = self._bash.stdout.read1() if ready else b""
            assert chunk, f"$ {command}\n{output.decode()}\nno end after {PATIENCE:.0f} s"
            output += chunk
        return output[: end.start()].decode(), int(end[1])

    def close(self) -> None:
        """End the shell, with what it may have left in the background, and wait for it."""
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._bash.wait(timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        self._bash.stdout.close()


def _matches(promised: str, seen: str) -> bool:
    """Compare, with a line `...` standing for any number of lines."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", promised, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*".join(parts), seen) is not None


def _environment(home: pathlib.Path) -> dict[str, str]:
    home.mkdir()
    keep = {"LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "TMPDIR"}
    return {name: value for name, value in os.environ.items() if name in keep} | {
        "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"],
        "HOME": str(home),
        "COLUMNS": "80",
        "BROWSER": shlex.join([sys.executable, str(ROOT / "scripts" / "demo_browser.py"), "%s"]),
    }


def test_every_block_is_run_or_says_that_it_is_only_shown() -> None:
    unknown = [
        f"{readme.relative_to(ROOT)}:{line} ```{language}"
        for readme in READMES
        for language, line, _ in _blocks(readme)
        if language not in RUN | SHOWN
    ]

    assert unknown == []


def test_no_block_hides_from_these_tests() -> None:
    other = re.compile(r"^(?: *> *`{3}.*|\t+`{3}.*|[ \t]*~{3}.*|[ \t]*`{4}.*)$", re.MULTILINE)
    hidden = [
        f"{readme.relative_to(ROOT)}: {fence}"
        for readme in READMES
        for fence in other.findall(readme.read_text())
    ]

    assert hidden == []


def _has(page: pathlib.Path, place: str) -> bool:
    """Say whether a heading of *page*, or of what it includes, has the anchor *place*."""
    text = page.read_text()
    if included := re.search(r"^:::\{include\} (\S+)", text, re.MULTILINE):
        text += (page.parent / included[1]).read_text()
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return place in {heading.replace(" ", "-") for heading in plain}


def test_links_between_files_of_the_repository_lead_to_places_that_are_there() -> None:
    broken = []
    for page in READMES:
        for address in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", BLOCK.sub("", page.read_text())):
            name, _, place = address.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (place and not _has(target, place)):
                broken.append(f"{page.relative_to(ROOT)}: {address}")

    assert broken == []


def test_a_readme_that_an_index_shows_links_to_its_own_places_alone() -> None:
    """A path into the repository leads nowhere from a page of an index."""
    relative = [
        f"{page.relative_to(ROOT)}: {address}"
        for page in ROOT.glob("packages/*/README.md")
        for address in re.findall(r"\]\((?!#|https://)([^)]*)\)", BLOCK.sub("", page.read_text()))
    ]

    assert relative == []


def test_the_pages_that_a_readme_names_in_words_are_there() -> None:
    named = {
        (path, str(page.relative_to(ROOT)))
        for page in READMES
        for path in re.findall(r"`(docs/[\w./-]+\.md)`", page.read_text())
    }

    assert named
    assert {(path, page) for path, page in named if not (ROOT / path).exists()} == set()


def test_a_page_runs_what_it_says_where_it_can() -> None:
    languages = [
        language for page in READMES if "docs" in page.parts for language, _, _ in _blocks(page)
    ]

    assert languages.count("text") * 3 <= sum(language in RUN for language in languages)


def test_shown_data_can_be_read() -> None:
    readers = {"toml": tomllib.loads, "json": json.loads}
    for readme in READMES:
        for language, line, block in _blocks(readme):
            if language in readers:
                try:
                    readers[language](block)
                except ValueError as error:
                    pytest.fail(f"{readme.relative_to(ROOT)}:{line}: {error}")


def _shown_commands() -> list[tuple[str, str]]:
    """Return the place and the text of each command of ours that is shown and not run."""
    found = []
    for readme in READMES:
        for language, first, block in _blocks(readme):
            if language == "sh":
                rows = block.replace("\\\n", "  ").splitlines()
                for number, row in enumerate(rows, first + 1):
                    for part in re.split(r"&&|\|\||[|;&]", re.sub(r"\s#.*", "", row)):
                        words = re.sub(r"^\s*([A-Z_]+=\S*\s+)*", "", part).strip()
                        if re.match(r"otumat(-\w+)?\s", words):
                            found.append((f"{readme.relative_to(ROOT)}:{number}", words))
    return found


def test_shown_commands_exist_with_the_options_they_are_given() -> None:
    wrong = [f"{place}: {words}: {why}" for place, words in _shown_commands()
             if (why := _objection(shlex.split(words)))]  # fmt: skip

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
        context = click.Context(command, info_name=program)
        found = command.get_command(context, name)
        if found is None:
            return f"there is no command {name}"
        command = lazy.get(name, found) if command.name == "usage" else found
    try:
        with click.Context(command, info_name=program) as context:
            command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        return error.format_message()
    return None


def test_every_session_of_nox_that_is_named_exists() -> None:
    tasks = (ROOT / "noxfile.py").read_text()
    sessions = set(re.findall(r"^def ([a-z]\w*)\(session", tasks, re.MULTILINE))
    sessions |= set(re.findall(r'^@nox\.session\(.*name="([\w-]+)"', tasks, re.MULTILINE))
    named = {
        (name.partition("-3.")[0], str(readme.relative_to(ROOT)))
        for readme in READMES
        for name in re.findall(r"\bnox -s ([a-z][\w.-]*)", readme.read_text())
    }

    assert {(name, place) for name, place in named if name not in sessions} == set()


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_blocks_of_a_readme_do_what_it_says(
    readme: pathlib.Path, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    env = _environment(tmp_path / "a-home")
    shell = Shell(folder, env)
    request.addfinalizer(shell.close)
    failures = []
    for language, line, block in _blocks(readme):
        if language == "python":
            empty = tmp_path / f"program-{line}"
            empty.mkdir()
            done = subprocess.run(
                [sys.executable, "-"], input=block, text=True, cwd=empty, env=env,
                capture_output=True, check=False,
            )  # fmt: skip
            if done.returncode:
                failures.append(f"{readme.name}:{line} python block\n{done.stderr}")
        elif language.startswith("console"):
            commands = _commands(line, block)
            for command, following in zip(commands, [*commands[1:], None], strict=True):
                text = command.text if language == "console" else _at_a_terminal(command)
                seen, code = shell.run(text)
                asked = following is not None and following.text == "echo $?"
                if not _matches(command.output, seen) or (code and not asked):
                    failures.append(
                        f"{readme.name}:{command.line} $ {command.text}\n"
                        f"--- promised\n{command.output}--- seen (exit {code})\n{seen}"
                    )

    assert not failures, "\n".join(failures)
