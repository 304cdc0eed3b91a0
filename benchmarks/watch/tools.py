"""How every tool is started on one file and on a tree; which of them can be had here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


class Tool(NamedTuple):
    """One row of the table; the argv is None where a tool cannot do the job."""

    name: str
    one: list[str] | None
    tree: list[str] | None = None
    stdin: str = ""


def build(scratch: Path) -> tuple[Path, Path]:
    """Compile the script and the C floor."""
    for name in ("probe", "floor"):
        source = HERE / f"{name}.c"
        subprocess.run(["gcc", "-O2", "-o", scratch / name, source], check=True)
    return scratch / "probe", scratch / "floor"


def tools(scratch: Path, file: Path, root: Path, *, only: list[str]) -> list[Tool]:
    """Return every tool that can be had; say of the others why not."""
    probe, floor = build(scratch)
    python, script = sys.executable, str(probe)
    folder, name = str(file.parent), file.name
    python_floor = [python, "-I", str(HERE / "floor.py")]
    ours = [str(BIN / "otumat-watch"), "-s", script]
    listed = [
        Tool("C inotify (floor)", [str(floor), folder, name, script]),
        Tool("Python inotify (floor)", [*python_floor, "file", folder, name, script],
             [*python_floor, "tree", str(root)]),
        Tool("Python floor that has imported click", [],
             [*python_floor, "tree", str(root), "click"]),
        Tool("otumat-watch", [*ours, "-f", str(file)], [*ours, "-f", str(root)]),
        Tool("otumat-watch --no-safety-poll", [*ours, "-f", str(file), "--no-safety-poll"],
             [*ours, "-f", str(root), "--no-safety-poll"]),
        Tool("otumat watch", [str(BIN / "otumat"), "watch", "-s", script, "-f", str(file)]),
        *_debian(script, file, root),
        Tool("watchfiles", [str(BIN / "watchfiles"), "--filter", "all", script, folder],
             [str(BIN / "watchfiles"), "--filter", "all", script, str(root)]),
        Tool("watchmedo -w", _watchmedo(script, folder), _watchmedo(script, str(root), deep=True)),
        *_nodemon(scratch, script, file, root),
        *_original(scratch, script, file, root),
    ]  # fmt: skip
    if not shutil.which("watchexec"):
        print("watchexec: neither on PyPI, npm nor in Debian; left out", file=sys.stderr)
    return [
        tool
        for tool in listed
        if (not only or any(word in tool.name for word in only))
        and (argv := tool.one or tool.tree)
        and (shutil.which(argv[0]) or print(f"{tool.name}: not here", file=sys.stderr))
    ]


def _debian(script: str, file: Path, root: Path) -> list[Tool]:
    loop = (
        'inotifywait -m -q {deep} -e close_write,moved_to --format "%w%f" "{folder}" | '
        'while IFS= read -r path; do case "$path" in {wanted}) {script};; esac; done'
    )
    one = loop.format(deep="", folder=file.parent, wanted=f"'{file}'", script=script)
    deep = loop.format(deep="-r", folder=root, wanted="*", script=script)
    return [
        Tool("entr -np", ["entr", "-np", script], ["entr", "-np", script], f"{file}\n"),
        Tool("inotifywait -m", ["sh", "-c", one], ["sh", "-c", deep]),
    ]


def _watchmedo(script: str, folder: str, *, deep: bool = False) -> list[str]:
    recursive = ["-R"] if deep else []
    return [str(BIN / "watchmedo"), "shell-command", "-w", *recursive, "-c", script, folder]


def _nodemon(scratch: Path, script: str, file: Path, root: Path) -> list[Tool]:
    if not shutil.which("npm"):
        print("nodemon: there is no npm", file=sys.stderr)
        return []
    program = scratch / "npm" / "node_modules" / ".bin" / "nodemon"
    subprocess.run(
        ["npm", "install", "--silent", "--prefix", scratch / "npm", "nodemon"],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    words = [str(program), "-q", "-e", "*", "--exec", script, "--watch"]
    return [Tool("nodemon", [*words, str(file)], [*words, str(root)])]


def _original(scratch: Path, script: str, file: Path, root: Path) -> list[Tool]:
    """Install otumat 0.3.1 in a place of its own and see whether it starts at all."""
    place = scratch / "original"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    wanted = ["otumat==0.3.1", "setuptools<81", "watchdog"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([place / "bin" / "pip", "install", "-q", *wanted], check=False, **quiet)
    program = place / "bin" / "otumat"
    done = subprocess.run(
        [program, "watch", "-h"] if program.exists() else ["false"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = (done.stderr.strip() or "it cannot be installed").splitlines()[-1]
        print(f"otumat 0.3.1 does not start: {why}", file=sys.stderr)
        return []
    words = [str(program), "watch", "-i", "1", "-s", script, "-f"]
    return [Tool("otumat 0.3.1 -i 1", [*words, str(file)], [*words, str(root)])]
