"""A reader who does what a page says, in its order, with nothing installed but what it asks for."""

from __future__ import annotations

import atexit
import functools
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pages._blocks import ROOT, Block, Command, commands, statements
from pages._shell import PATIENCE, Shell, at_a_terminal

RUN = {"python", "console", "console terminal", "sh", "given"}
#: What goes on until it is stopped, if it is not told to end or put into the background.
ENDLESS = re.compile(
    r"(otumat[- ]usage host (serve|demo)|otumat[- ]watch|python \S+(host|uploads)\.py)\b"
    r"(?!.*(--once|--help|&\s*$))"
)
BEGUN = re.compile(r"(http://[\d.]+:\d+)|^Watching ", re.MULTILINE)
#: How a server or a watcher may end that was asked to by SIGTERM.
ENDED = {0, 143}


def environment(home: pathlib.Path, *, scripts: str, wheelhouse: str = "") -> dict[str, str]:
    """Return the environment of a reader with the commands of *scripts* and without a network."""
    home.mkdir()
    (uploads := home / "uploads").mkdir()
    keep = {"LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "TMPDIR"}
    return {name: value for name, value in os.environ.items() if name in keep} | {
        "PATH": scripts + os.pathsep + os.environ["PATH"],
        "HOME": str(home),
        "COLUMNS": "80",
        "BROWSER": shlex.join([sys.executable, str(ROOT / "scripts" / "demo_browser.py"), "%s"]),
        "REPOSITORY": str(ROOT),
        "UPLOADS": str(uploads),
        "OTUMAT_HOST_PORT": "0",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": f"{wheelhouse} {uploads}",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",  # what is used once compiles itself
    }


def installs(block: Block) -> bool:
    """Say whether *block* is the first thing that a reader with an empty machine does."""
    return (
        block.language in {"sh", "given"} and re.search(r"\bpip install ", block.text) is not None
    )


def read(
    page_blocks: Iterable[Block],
    tmp_path: pathlib.Path,
    wheelhouse: str,
    more: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Do what *page_blocks* say, with the variables *more*; return what was not as it was said."""
    wanted = [block for block in page_blocks if block.language in RUN and not block.not_run]
    scripts = sysconfig.get_path("scripts")
    if any(installs(block) for block in wanted):
        assert wheelhouse, "OTUMAT_WHEELHOUSE is not set: nox -s readme fills one"
        scripts = str(_empty(tmp_path / "venv") / "bin")
    scripts = os.pathsep.join([scripts, *([more["PATH"]] if "PATH" in more else [])])
    env = environment(tmp_path / "a-home", scripts=scripts, wheelhouse=wheelhouse)
    reader = Reader(tmp_path, {**more, **env})
    try:
        for block in wanted:
            reader.do(block)
        reader.stop()
    finally:
        reader.shell.close()
    return reader.failures


class Reader:
    """The state of a reading: a shell, what was started in other terminals, what went wrong."""

    def __init__(self, tmp_path: pathlib.Path, env: dict[str, str]) -> None:
        self.failures: list[str] = []
        self._tmp_path = tmp_path
        self._env = env
        self._started: list[tuple[Command, int]] = []
        folder = tmp_path / "work"
        folder.mkdir()
        self.shell = Shell(folder, env)
        #: What a page says for what is the reader's own.
        self._own = {
            "https://usage.example.org": "${ADDRESS:-https://usage.example.org}",
            "/var/lib/otumat": "$HOME/var-lib-otumat",
            "/etc/otumat": "$HOME/etc-otumat",
            "8090": str(free_port()),
        }

    def do(self, block: Block) -> None:
        """Run *block* and note what is not as the page says."""
        if block.language == "python":
            self._program(block)
        elif block.language.startswith("console"):
            self._console(block)
        else:
            for each in statements(block):
                self._statement(block, each)

    def stop(self) -> None:
        """End what was started in other terminals; it must end as it says it does."""
        for command, pid in self._started:
            said, _ = self.shell.run(f"kill -TERM {pid}; wait {pid}; echo $?")
            if int(said.split()[-1]) not in ENDED:
                self.failures.append(f"line {command.line}: $ {command.text}\nended with {said}")

    def _program(self, block: Block) -> None:
        empty = self._tmp_path / f"program-{block.line}"
        empty.mkdir()
        python = shutil.which("python", path=self._env["PATH"])
        done = subprocess.run(
            [python, "-"], input=block.text, text=True, cwd=empty, env=self._env,
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            self.failures.append(f"{block.place} python block\n{done.stderr}")

    def _console(self, block: Block) -> None:
        steps = commands(block)
        for command, following in zip(steps, [*steps[1:], None], strict=True):
            terminal = block.language.endswith("terminal")
            seen, code = self.shell.run(at_a_terminal(command) if terminal else command.text)
            asked = following is not None and following.text == "echo $?"
            if not _matches(command.output, seen) or (code and not asked):
                self.failures.append(
                    f"{block.page.name}:{command.line} $ {command.text}\n"
                    f"--- promised\n{command.output}--- seen (exit {code})\n{seen}"
                )

    def _statement(self, block: Block, command: Command) -> None:
        text = command.text
        for place, own in self._own.items():
            text = text.replace(place, own)
        if ENDLESS.match(text):
            self._start(command, text)
            return
        seen, code = self.shell.run(text)
        if code:
            self.failures.append(f"{block.page.name}:{command.line} $ {text}\nexit {code}\n{seen}")

    def _start(self, command: Command, text: str) -> None:
        """Start *text* as in another terminal, and go on when it says that it has begun."""
        log = self._tmp_path / f"terminal-{len(self._started)}.log"
        log.touch()
        said, _ = self.shell.run(f"( exec {text}\n) > {shlex.quote(str(log))} 2>&1 & echo $!")
        pid, until = int(said), time.monotonic() + PATIENCE
        while not (begun := BEGUN.search(log.read_text())):
            lives = self.shell.run(f"kill -0 {pid}")[1] == 0
            assert lives, f"$ {text}\n{log.read_text()}\nended"
            assert time.monotonic() < until, f"$ {text}\n{log.read_text()}\ndid not begin"
            time.sleep(0.02)
        self._started.append((command, pid))
        if begun[1]:
            _answers(begun[1])
            self.shell.run(f"export ADDRESS={begun[1]}")


def _answers(address: str) -> None:
    """Fail where nobody speaks HTTP at *address*, be the answer yes or no."""
    try:
        urllib.request.urlopen(address, timeout=PATIENCE).close()
    except urllib.error.HTTPError as error:
        error.close()


@functools.cache
def _template() -> pathlib.Path:
    """Return an environment with pip alone, made once per process: pip takes seconds to put in."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="otumat-pages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    return folder / "venv"


def _empty(venv: pathlib.Path) -> pathlib.Path:
    """Make *venv* an environment with pip alone."""
    shutil.copytree(_template(), venv, symlinks=True)
    for script in (venv / "bin").glob("pip*"):
        script.write_text(script.read_text().replace(str(_template()), str(venv)))
    return venv


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _matches(promised: str, seen: str) -> bool:
    """Compare, with a line `...` standing for any number of lines."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", promised, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*".join(parts), seen) is not None
