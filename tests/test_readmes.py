"""Run what the READMEs tell people to run, and compare what they are told they will see.

```python blocks are complete programs, each run in an empty folder; ```console blocks are
`$ command` lines with their output, `...` standing for any lines, run in order in one folder.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import sysconfig

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
READMES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("packages/*/README.md")),
    ROOT / "docs/how-to/sign-releases.md",
]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Blocks that show something without being run: data, and commands for a machine of one's own.
SHOWN = {"text", "toml", "ini", "sh", "json", "yaml"}

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
        (match[1], text.count("\n", 0, match.start()) + 1, match[2])
        for match in BLOCK.finditer(text)
    ]


def _commands(line: int, block: str) -> list[Command]:
    commands: list[Command] = []
    for number, row in enumerate(block.splitlines(), line + 1):
        if row.startswith("$ "):
            commands.append(Command(number, row[2:], ""))
        elif row.startswith("> ") and not commands[-1].output:
            commands[-1] = dataclasses.replace(
                commands[-1], text=commands[-1].text + "\n" + row[2:]
            )
        else:
            output = commands[-1].output + row + "\n"
            commands[-1] = dataclasses.replace(commands[-1], output=output)
    return commands


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
        )

    def run(self, command: str) -> tuple[str, int]:
        """Return what *command* printed, stderr included, and its exit code."""
        assert self._bash.stdin
        assert self._bash.stdout
        # `(exit $code)` gives the command the $? of the one before it.
        line = f"{{ (exit $code)\n{command}\n}} </dev/null\ncode=$?; printf '\\0%d\\n' $code\n"
        self._bash.stdin.write(line.encode())
        self._bash.stdin.flush()
        output = b""
        while not (end := re.search(rb"\0(\d+)\n$", output)):
            chunk = self._bash.stdout.read1()
            assert chunk, f"bash ended: {output!r}"
            output += chunk
        return output[: end.start()].decode(), int(end[1])

    def close(self) -> None:
        """End the shell and wait for it."""
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.close()
        self._bash.wait(timeout=30)
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
    }


def test_every_block_is_run_or_says_that_it_is_only_shown() -> None:
    unknown = [
        f"{readme.relative_to(ROOT)}:{line} ```{language}"
        for readme in READMES
        for language, line, _ in _blocks(readme)
        if language not in {"python", "console", *SHOWN}
    ]

    assert unknown == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_blocks_of_a_readme_do_what_it_says(
    readme: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    env = _environment(tmp_path / "a-home")
    shell = Shell(folder, env)
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
        elif language == "console":
            commands = _commands(line, block)
            for command, following in zip(commands, [*commands[1:], None], strict=True):
                seen, code = shell.run(command.text)
                asked = following is not None and following.text == "echo $?"
                if not _matches(command.output, seen) or (code and not asked):
                    failures.append(
                        f"{readme.name}:{command.line} $ {command.text}\n"
                        f"--- promised\n{command.output}--- seen (exit {code})\n{seen}"
                    )
    shell.close()

    assert not failures, "\n".join(failures)
