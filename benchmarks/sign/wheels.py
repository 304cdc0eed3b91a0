"""Measure signing a wheel, checking a plugin and guarding imports, beside what they cannot beat.

    nox -s bench -- sign-wheels [--rounds 5]

1. Signing a wheel of 23,000 entries beside inflating and hashing every entry plus one copy (the
   floor: zlib and SHA-256 called from a loop) and beside `wheel tags`, which rewrites a wheel too.
2. A full check of an installed plugin of 30 files in a fresh process, beside a process that only
   imports the same pieces of cryptography, and importlib.metadata.
3. Importing 200 modules through the guard, beside importing the same sources without byte code.

Every round runs every contender once; minimum and median are printed. Signing is timed in
processes of its own, so that memory which another one left behind does not count.
"""

from __future__ import annotations

import argparse
import base64
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import tables

FLOOR = """
import hashlib, mmap, os, struct, sys, time, zipfile, zlib
path, copy = sys.argv[1:]
start = time.perf_counter()
with zipfile.ZipFile(path) as archive:
    entries = archive.infolist()
with open(path, "rb") as file:
    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = memoryview(data)
    for entry in entries:
        at = entry.header_offset
        name, extra = struct.unpack_from("<2H", data, at + 26)
        packed = view[at + 30 + name + extra :][: entry.compress_size]
        content = zlib.decompress(packed, -15, entry.file_size or 1)
        hashlib.sha256(content).digest()
    with open(copy, "wb") as out:
        out.write(view)
        out.flush()
        os.fsync(out.fileno())
print(time.perf_counter() - start)
"""
SIGN = """
import sys, time
from otumat_sign import _signers
from otumat_sign._wheel_sign import sign_wheel
path, key = sys.argv[1:]
signer = _signers.load(key)
start = time.perf_counter()
sign_wheel(path, key=signer)
print(time.perf_counter() - start)
"""
IMPORTS = """
import importlib.metadata
from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
"""
CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from otumat_sign import check
verdict = check("plugin", trusted=Path(sys.argv[2]))
if not verdict: raise SystemExit(str(verdict))
"""
GUARD = """
import sys, time
sys.dont_write_bytecode = True
site, pub, guarded, count = sys.argv[1:]
sys.path.insert(0, site)
from pathlib import Path
from importlib import import_module
from otumat_sign import guard
if guarded == "yes": guard("plugin", trusted=Path(pub))
names = [f"plugin.m{n}" for n in range(int(count))]
start = time.perf_counter()
for name in names: import_module(name)
print(time.perf_counter() - start)
"""


def main() -> None:
    """Print the three tables."""
    arguments = _arguments()
    scratch = arguments.scratch
    scratch.mkdir(parents=True, exist_ok=True)
    key, pub = _keys(scratch)
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} processors\n")
    big = scratch / f"big{arguments.entries}" / "big-1.0-py3-none-any.whl"
    if not big.exists():
        _big_wheel(big, arguments.entries)
    with zipfile.ZipFile(big) as archive:
        inflated = sum(entry.file_size for entry in archive.infolist())
    print(
        f"wheel: {big.stat().st_size / 1e6:.0f} MB, {inflated / 1e6:.0f} MB inflated,"
        f" {arguments.entries} entries"
    )
    _show(
        _measure(
            {
                "inflate, SHA-256, one copy": lambda: _timed(FLOOR, big, scratch / "copy.whl"),
                "otumat sign": lambda: _timed(SIGN, _fresh(big, scratch), key),
                "wheel tags": lambda: _wheel_tags(_fresh(big, scratch)),
            },
            arguments.rounds,
        ),
        "s",
        1,
    )
    site = _plugin(scratch / "site30", 30, key)
    _show(
        _measure(
            {
                "import cryptography's pieces and importlib.metadata": lambda: _process(IMPORTS),
                "full check of 30 files": lambda: _process(CHECK, site, pub),
            },
            4 * arguments.rounds,
        ),
        "ms",
        1000,
    )
    site = _plugin(scratch / "site200", 200, key)
    _show(_measure({
        "200 modules from source": lambda: _timed(GUARD, site, pub, "no", "200"),
        "200 modules through the guard": lambda: _timed(GUARD, site, pub, "yes", "200"),
    }, 2 * arguments.rounds), "ms a module", 1000 / 200)  # fmt: skip


_show = functools.partial(tables.show, against="the first")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--entries", type=int, default=23_000)
    parser.add_argument(
        "--scratch", type=Path, default=Path(tempfile.gettempdir()) / "otumat-bench"
    )
    return parser.parse_args()


def _measure(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            times[name].append(run())
    return times


def _timed(program: str, *arguments: object) -> float:
    """Return the seconds that *program* says it took."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def _process(program: str, *arguments: object) -> float:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def _fresh(wheel: Path, scratch: Path) -> Path:
    folder = scratch / "fresh"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return Path(shutil.copy(wheel, folder))


def _wheel_tags(wheel: Path) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "wheel", "tags", "--build", "1", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _keys(scratch: Path) -> tuple[Path, Path]:
    key, pub = scratch / "key.pem", scratch / "key.pub"
    if not key.exists():
        command = ["otumat-sign", "keygen", "--no-passphrase", str(key)]
        program = Path(sys.executable).with_name(command[0])
        subprocess.run([program, *command[1:]], check=True, capture_output=True)
    return key, pub


def _big_wheel(path: Path, count: int) -> None:
    """Pack *count* files of this machine's Python installations into a wheel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = []
    roots = [
        Path(sys.base_prefix),
        Path(sys.prefix),
        Path("/usr/lib/python3"),
        Path(os.environ.get("PYENV_ROOT", "/usr/lib")),
    ]
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in ("__pycache__", ".git")]
            found += [Path(folder, name) for name in names if not Path(folder, name).is_symlink()]
        if len(found) >= count:
            break
    files = {"big/__init__.py": b""}
    for number, source in enumerate(found[: count - 5]):
        data = source.read_bytes()
        if len(data) < 24_000_000:
            files[f"big/d{number % 400}/f{number}{source.suffix.lower()[:8]}"] = data
    _write(path, "big", files)


def _plugin(site: Path, count: int, key: Path) -> Path:
    """Install a signed plugin of *count* modules into *site*."""
    shutil.rmtree(site, ignore_errors=True)
    source = Path(argparse.__file__).read_bytes()[:20_000].rpartition(b"\nclass ")[0]
    files = {"plugin/__init__.py": b""} | {f"plugin/m{n}.py": source for n in range(count - 1)}
    files[f"plugin/m{count - 1}.py"] = source
    wheel = site / "plugin-1.0-py3-none-any.whl"
    site.mkdir(parents=True)
    _write(wheel, "plugin", files)
    _timed(SIGN, wheel, key)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    wheel.unlink()
    return site


def _write(path: Path, name: str, files: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    files |= {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in files.items():
            value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{member},sha256={value},{len(data)}\n")
            archive.writestr(member, data)
        archive.writestr(f"{info}/RECORD", "".join([*rows, f"{info}/RECORD,,\n"]))


if __name__ == "__main__":
    main()
