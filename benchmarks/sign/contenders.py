"""Ours, the floor and the peers: each hashes one tree once, in a fresh process, and is timed.

What is written in Python is timed inside the process, around the call that does the work: its
imports are not counted. Programs are timed as a whole; starting one takes about a millisecond.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

_TIMED = """\
import sys, time
{setup}
start = time.perf_counter()
{call}
print(time.perf_counter() - start)
"""

_OURS = "from otumat_sign import hash_pkg\nfrom otumat_sign import _digest, _workers"
#: No walk, no order, no modes, no listing: what Python itself asks for five calls a file.
_BARE = """\
import hashlib, os
paths = open({nul!r}, "rb").read().split(b"\\0")[:-1]
empty = hashlib.new({algorithm!r})
def hash_all():
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.fstat(handle)
        digest = empty.copy()
        while True:
            data = os.read(handle, 65536)
            digest.update(data)
            if len(data) < 65536:
                break
        os.close(handle)
        digest.hexdigest()"""
_PYTHON = {
    "bare Python loop": (_BARE, "hash_all()"),
    "ours, 1 worker": (_OURS, "hash_pkg(pkgpath={tree!r}, algorithm={algorithm!r})"),
    "ours, 2 workers": (_OURS, "hash_pkg(pkgpath={tree!r}, algorithm={algorithm!r}, workers=2)"),
    "ours, both digests": (_OURS, "_digest.digests({tree!r}, ['sha1', 'sha256'])"),
    "swh.model": (
        "from swh.model.from_disk import Directory",
        "Directory.from_disk(path={tree!r}.encode(), max_content_length=None).hash",
    ),
    "model_signing": (
        "import model_signing",
        (
            "model_signing.hashing.Config().use_file_serialization("
            "hashing_algorithm='sha256', allow_symlinks=True).hash({tree!r})"
        ),
    ),
}


class Contender:
    """Something that hashes a tree; calling it returns seconds."""

    def __init__(self, name: str, argv: list[str], *, stdin: Path | None, inside: bool) -> None:
        self.name, self._argv, self._stdin, self._inside = name, argv, stdin, inside

    def __call__(self) -> float:
        """Hash the tree once in a fresh process."""
        source = self._stdin.open("rb") if self._stdin else subprocess.DEVNULL
        start = time.perf_counter()
        done = subprocess.run(self._argv, stdin=source, capture_output=True, check=False)
        elapsed = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{self.name}: {done.stderr.decode().strip().splitlines()[-1]}")
        return float(done.stdout) if self._inside else elapsed


def all_for(tree: Path, algorithm: str, scratch: Path, *, peers: bool) -> list[Contender]:
    """Return every contender for *tree*, the floor first."""
    floor = build_floor(scratch)
    lines, nul = _paths(tree, scratch)
    names = [name for name in _PYTHON if peers or name not in ("swh.model", "model_signing")]
    given = {"tree": str(tree), "algorithm": algorithm, "nul": str(nul)}
    found = [Contender("C floor", [floor, algorithm, str(tree)], stdin=None, inside=False)]
    for name in names:
        setup, call = _PYTHON[name]
        program = _TIMED.format(setup=setup.format(**given), call=call.format(**given))
        argv = [sys.executable, "-c", program]
        found.append(Contender(name, argv, stdin=None, inside=True))
    if peers:
        repository = scratch / f"repository-{algorithm}"
        init = ["git", "init", "-q", f"--object-format={algorithm}", str(repository)]
        subprocess.run(init, check=True)
        git = ["git", "-C", str(repository), "hash-object", "--stdin-paths", "--no-filters"]
        found.append(Contender("git hash-object", git, stdin=lines, inside=False))
        digest = ["xargs", "-0", "openssl", "dgst", f"-{algorithm}"]
        found.append(Contender("openssl dgst", digest, stdin=nul, inside=False))
    return found


def build_floor(scratch: Path) -> str:
    """Compile the floor and return its path."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("the floor is a C program: install gcc and the headers of libcrypto")
    source = Path(__file__).with_name("floor.c")
    program = scratch / "floor"
    command = [compiler, "-O2", "-o", str(program), str(source), "-lcrypto"]
    subprocess.run(command, check=True)
    return str(program)


def _paths(tree: Path, scratch: Path) -> tuple[Path, Path]:
    """Write the files of *tree*, one on a line for git (without odd names), and NUL-separated."""
    files: list[bytes] = []
    for folder, folders, names in os.walk(os.fsencode(tree)):
        folders[:] = sorted(name for name in folders if name != b"__pycache__")
        paths = (os.path.join(folder, name) for name in sorted(names))  # noqa: PTH118
        files += [path for path in paths if not os.path.islink(path) and b"\n" not in path]  # noqa: PTH114
    lines, nul = scratch / "paths.lines", scratch / "paths.nul"
    lines.write_bytes(b"\n".join(files) + b"\n")
    nul.write_bytes(b"\0".join(files) + b"\0")
    return lines, nul


def memory(tree: Path, algorithm: str) -> float:
    """Return how many MiB hashing *tree* needs above a Python that has the same imports."""
    # Not ru_maxrss: it begins with what the process that started this one had.
    shown = "print(*(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    imports = "import hashlib, re, otumat_sign; from otumat_sign import _digest"
    call = f"otumat_sign.hash_pkg(pkgpath={str(tree)!r}, algorithm={algorithm!r})"
    peaks = []
    for program in (imports, f"{imports}\n{call}"):
        done = subprocess.run(
            [sys.executable, "-c", f"{program}\n{shown}"], capture_output=True, check=True
        )
        peaks.append(int(done.stdout))
    return (peaks[1] - peaks[0]) / 1024
