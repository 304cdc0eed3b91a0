"""Show the whole product in about a minute, with the commands that a user would type.

Everything happens in one throw-away folder with a home of its own; the servers and watchers that
are started are stopped again, whatever happens. Needs the four packages installed, git and openssl.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).resolve().parents[1]
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
PATIENCE = 30.0  # seconds to wait for something that takes well under one


class Stage:
    """The throw-away folder that the demo plays in, and what it must stop at the end."""

    def __init__(self, folder: pathlib.Path, wheels: pathlib.Path) -> None:
        self.folder = folder
        self.env = {
            name: value
            for name, value in os.environ.items()
            # CI variables and DO_NOT_TRACK are a "no", as they should be; the demo plays a person.
            if name in {"LANG", "LC_ALL", "TMPDIR", "TERM", "SSL_CERT_FILE"} or "PROXY" in name
        } | {
            "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"],
            "HOME": str(self.home("you")),
            "PIP_FIND_LINKS": str(wheels),
            "PIP_CACHE_DIR": str(wheels.parent / "pip-cache"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def home(self, person: str) -> pathlib.Path:
        """Return the home folder of *person*, made at first use."""
        home = self.folder / "homes" / person
        home.mkdir(parents=True, exist_ok=True)
        return home

    def run(self, command: str, *, expect: int = 0, quiet: bool = False, **env: str) -> str:
        """Show *command* as a user types it, run it, show and return what it prints."""
        print(f"{DIM}${PLAIN} {BOLD}{command}{PLAIN}", flush=True)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.env | env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.stdout and (not quiet or done.returncode != expect):
            print(done.stdout.rstrip(), flush=True)
        if done.returncode != expect:
            sys.exit(f"demo: exit code {done.returncode}, expected {expect}: {command}")
        if expect:
            print(f"{DIM}(exit code {done.returncode}){PLAIN}")
        return done.stdout

    @contextlib.contextmanager
    def background(self, command: str, **env: str) -> Iterator[subprocess.Popen[str]]:
        """Run *command* beside the demo, and end it with all its children."""
        print(f"{DIM}${PLAIN} {BOLD}{command} &{PLAIN}", flush=True)
        process = subprocess.Popen(
            shlex.split(command), cwd=self.folder, env=self.env | env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def step(text: str) -> None:
    """Say what comes next."""
    print(f"\n{BOLD}== {text}{PLAIN}", flush=True)


def until(what: str, ready: Callable[[], bool]) -> None:
    """Wait until *ready*, and give up with the name of what did not come."""
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end:
            sys.exit(f"demo: waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


def at_a_terminal(stage: Stage, command: str, answer: str, **env: str) -> None:
    """Run *command* at a real pseudo-terminal and type *answer* when it asks."""
    print(f"{DIM}${PLAIN} {BOLD}{command}{PLAIN}", flush=True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(stage.folder)
        os.execvpe("bash", ["bash", "-c", f"exec {command}"], stage.env | env)
    seen, answered, end = b"", False, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when the program has ended
            break
        if not chunk:
            break
        seen += chunk
        sys.stdout.write(chunk.decode(errors="replace").replace("\r\n", "\n"))
        sys.stdout.flush()
        if not answered and re.search(rb"\[y/N\]\W*$", seen):
            os.write(terminal, answer.encode() + b"\n")
            answered = True
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    if status or not answered:
        sys.exit(f"demo: {command}: exit status {status}, asked: {answered}")


def still_running(folder: pathlib.Path) -> list[str]:
    """Return the commands of processes that still work in *folder* (where /proc tells)."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if pathlib.Path(process, "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


# --- the acts ------------------------------------------------------------------------------------


def packages(stage: Stage) -> None:
    """Build the examples into wheels, as their maintainers do, and install the tracked one."""
    step("The example packages become wheels")
    for name in ("tracked", "base", "plugin-hatchling", "watch-state"):
        ignored = shutil.ignore_patterns("__pycache__", "dist", "build", "*.egg-info", "*.pem")
        shutil.copytree(ROOT / "examples" / name, stage.folder / "src" / name, ignore=ignored)
    stage.run("otumat keygen --no-passphrase key.pem")
    stage.run("pip wheel -q --no-deps -w dist src/tracked")
    stage.run("pip install -q --no-deps --force-reinstall dist/tracked-*.whl")
    stage.run("OTUMAT_SIGN_PUB=$PWD/key.pub pip wheel -q --no-deps -w dist src/base")
    stage.run("OTUMAT_SIGN=skip pip wheel -q --no-deps -w dist src/plugin-hatchling")


def usage(stage: Stage, *, keep: bool) -> None:
    """Three people are asked, two say yes; what they do is counted by the maintainer's own host."""
    step("Usage: the maintainer starts a host of their own, on SQLite, by one command")
    declared = '{"import": {}, "count": {}, "reverse": {}, "summarise": {}}'
    stage.run(f"echo '{declared}' > events.json")
    stage.run("otumat usage host add-package -d host tracked --events events.json")
    serve = "otumat usage host serve -d host --port 0 --ready-file host/ready.json"
    with stage.background(serve) as host:
        ready = stage.folder / "host" / "ready.json"
        until("the host", lambda: ready.exists() or host.poll() is not None)
        addresses = json.loads(ready.read_text())
        address = addresses["url"]
        print(f"the host answers at {address}")
        env = {
            "TRACKED_USAGE_HOST": address,
            "BROWSER": f"{shlex.quote(sys.executable)} {ROOT / 'scripts' / 'demo_browser.py'} %s",
        }

        step('Usage: people import the package; it asks once, and Enter means "no"')
        for person, answer in (("ann", "y"), ("bob", "y"), ("cleo", "")):
            print(f"{DIM}# {person} types {answer!r}{PLAIN}")
            mine = env | {"HOME": str(stage.home(person))}
            at_a_terminal(stage, "python -c 'import tracked'", answer, **mine)

        step("Usage: they use its features, and see what is recorded of them")
        for person, words in (("ann", "one two"), ("ann", "three"), ("bob", "four"), ("cleo", "x")):
            mine = env | {"HOME": str(stage.home(person))}
            stage.run(f"python -m tracked count {words}", **mine)
        ann = env | {"HOME": str(stage.home("ann"))}
        stage.run("python -m tracked reverse one two", **ann)
        stage.run("otumat usage status", **ann)
        stage.run("otumat usage show", **ann)

        step("Usage: what was recorded goes to the maintainer; who said no sends nothing")
        for person in ("ann", "bob", "cleo"):
            stage.run("otumat usage upload", **env | {"HOME": str(stage.home(person))})

        step("Usage: the maintainer's answer: how many users, how often, which features")
        stage.run("otumat usage report tracked -d host")
        print(f"the dashboard (this link opens it once): {addresses['admin']}")
        if keep:
            print("the host stays up until Ctrl-C")
            with contextlib.suppress(KeyboardInterrupt):
                host.wait()


def signing(stage: Stage) -> None:
    """Sign a plugin's wheel, install it, verify it; then change one byte."""
    step("Signing: the plugin's wheel gets a signature inside")
    stage.run("otumat sign dist/example_plugin_hatchling-*.whl -k key.pem")

    step("Signing: whoever installs it can verify it, with the key that the base package ships")
    stage.run("pip install -q --no-deps --force-reinstall dist/example_*.whl")
    stage.run("otumat verify example_plugin_hatchling --trusted-by example-base")
    stage.run("example-greet World")

    step("Signing: git and openssl say the same, without us")
    wheel = "dist/example_plugin_hatchling-1.0.0-py3-none-any.whl"
    stage.run(f"mkdir by-hand && cd by-hand && python -m zipfile -e ../{wheel} .")
    info = "example_plugin_hatchling-1.0.0.dist-info"
    stage.run("cd by-hand && git init -q . && git add example_plugin_hatchling --all")
    stage.run(
        "cd by-hand\n"
        "git ls-files -s example_plugin_hatchling | git hash-object --stdin > line\n"
        "tr -d '\\n' < line > digest\n"
        f"openssl enc -base64 -d -in {info}/example_plugin_hatchling.sig -out sig.bin\n"
        "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify ../key.pub"
        " -signature sig.bin digest"
    )

    step("Signing: one changed byte, and it is refused")
    module = pathlib.Path(sysconfig.get_path("purelib"), "example_plugin_hatchling", "__init__.py")
    content = module.read_bytes()
    module.write_bytes(content.replace(b"a", b"e", 1))
    print(f"# {module.name} of the installed plugin: one 'a' became an 'e'")
    try:
        stage.run("otumat verify example_plugin_hatchling --trusted-by example-base", expect=1)
        stage.run("example-greet World")
    finally:
        stage.run("pip uninstall -q -y example-plugin-hatchling example-base tracked", quiet=True)


def watching(stage: Stage) -> None:
    """Watch a file through two changes; each run hands its output to the next."""
    step("Watching: each run's output lines are the next run's arguments")
    notes = stage.folder / "notes.txt"
    notes.write_text("")
    with stage.background("otumat watch -f notes.txt -s src/watch-state/tally.py") as watcher:
        lines: list[str] = []

        def said(text: str) -> Callable[[], bool]:
            assert watcher.stdout
            os.set_blocking(watcher.stdout.fileno(), False)

            def look() -> bool:
                for line in iter(watcher.stdout.readline, ""):
                    print(line, end="", flush=True)
                    lines.append(line)
                if watcher.poll() is not None:
                    sys.exit(f"demo: the watcher ended with exit code {watcher.returncode}")
                return any(text in line for line in lines)

            return look

        until("the watcher", said("notes.txt"))
        stage.run("echo one >> notes.txt")
        until("the first run", said("change 1"))
        stage.run("printf 'two\\nthree\\n' >> notes.txt")
        until(
            "the second run, with the first one's state",
            said("change 2: notes.txt has 3 lines, +2"),
        )


def main() -> None:
    """Play the acts, each in the throw-away folder, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", type=pathlib.Path, help="the folder with the four wheels")
    parser.add_argument("--keep", action="store_true", help="keep the host up until Ctrl-C")
    arguments = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="otumat-demo-") as folder:
        stage = Stage(pathlib.Path(folder), arguments.wheels.resolve())
        packages(stage)
        usage(stage, keep=arguments.keep)
        signing(stage)
        watching(stage)
        left = still_running(stage.folder)
    if left:
        sys.exit(f"demo: still running: {left}")
    print(f"\n{BOLD}done in {time.monotonic() - begin:.0f} s; nothing is left running{PLAIN}")


main()
