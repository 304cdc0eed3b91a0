"""Read the blocks of a page, with what comments in its source say about them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("packages/*/README.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
    *sorted(ROOT.glob("benchmarks/**/README.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
FENCE = re.compile(
    r"^<!-- given\n(?P<given>.*?)^-->$"
    r"|^(?P<indent> *)(?:<!-- (?P<mark>not run|needs): (?P<words>[^>]+) -->\n *)?"
    r"```(?P<language>[\w {}-]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, or (language `given`) commands that a reader has typed before, unseen."""

    page: pathlib.Path
    line: int
    language: str
    text: str
    #: Why it is not run, where that is so.
    not_run: str = ""
    #: The programs without which it cannot be run, besides Python, git and openssl.
    needs: frozenset[str] = frozenset()

    @property
    def place(self) -> str:
        """The page and the line where the block begins."""
        return f"{named(self.page)}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Command:
    """One `$` line of a console block and the output that the page promises."""

    line: int
    text: str
    output: str


def named(page: pathlib.Path) -> str:
    """Return the path of *page* as a reader of the repository says it."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: pathlib.Path) -> list[Block]:
    """Return the blocks of *page*, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["given"]:
            found.append(Block(page, line, "given", match["given"]))
            continue
        line += bool(match["mark"])
        why = match["words"] if match["mark"] == "not run" else ""
        needs = match["words"].split() if match["mark"] == "needs" else ()
        block = textwrap.dedent(match["text"])
        found.append(Block(page, line, match["language"], block, why, frozenset(needs)))
    return found


def commands(block: Block) -> list[Command]:
    """Return the commands of a console block with their output."""
    found: list[Command] = []
    for number, row in enumerate(block.text.splitlines(), block.line + 1):
        if row.startswith("$ "):
            found.append(Command(number, row[2:], ""))
        elif (row == ">" or row.startswith("> ")) and not found[-1].output:
            found[-1] = dataclasses.replace(found[-1], text=found[-1].text + "\n" + row[2:])
        else:
            found[-1] = dataclasses.replace(found[-1], output=found[-1].output + row + "\n")
    return found


def statements(block: Block) -> list[Command]:
    """Return the commands of a block that shows no output, each with all its lines."""
    found: list[Command] = []
    goes_on = False
    for number, row in enumerate(block.text.splitlines(), block.line + 1):
        if goes_on:
            found[-1] = dataclasses.replace(found[-1], text=f"{found[-1].text}\n{row}")
        elif row.strip():
            found.append(Command(number, row, ""))
        goes_on = re.search(r"(\\|\||&&)\s*$", re.sub(r"\s#.*", "", row)) is not None
    return found
