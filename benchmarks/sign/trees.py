"""The three trees that everything is measured on."""

from __future__ import annotations

import os
import random
import site
from pathlib import Path

SCALES = {"full": 1.0, "small": 0.02}
MEBI = 1 << 20


def make(scratch: Path, scale: str, site_packages: str | None) -> dict[str, Path]:
    """Return the trees by name, made if they are not there: real code, large files, small files."""
    factor = SCALES[scale]
    return {
        "site": real(site_packages, 20_000 if scale == "full" else 0),
        "big": big(scratch / f"big-{scale}", max(1, round(128 * factor)) * MEBI),
        "small": small(scratch / f"small-{scale}", round(100_000 * factor)),
    }


def real(given: str | None, least: int) -> Path:
    """Return a folder of installed packages, the one given or the fullest of this Python's."""
    found = [given] if given else [*site.getsitepackages(), *_base_site_packages()]
    counted = {path: count(Path(path)) for path in found if Path(path).is_dir()}
    path = max(counted, key=lambda path: counted[path])
    if counted[path] < least:
        raise SystemExit(
            f"{path} holds {counted[path]} files, fewer than {least}: name one with --site"
        )
    return Path(path)


def _base_site_packages() -> list[str]:
    import sys
    import sysconfig

    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    return [sysconfig.get_path("purelib", vars=base)]


def count(folder: Path) -> int:
    """Return how many files are below *folder*, byte code left out."""
    total = 0
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        total += len(files)
    return total


def big(folder: Path, size: int) -> Path:
    """Make eight files of *size* bytes."""
    if not folder.exists():
        dice = random.Random(8)
        folder.mkdir(parents=True)
        for number in range(8):
            with (folder / f"{number}.bin").open("wb") as file:
                for _ in range(size // MEBI):
                    file.write(dice.randbytes(MEBI))
    return folder


def small(folder: Path, files: int) -> Path:
    """Make *files* files of 0 to 3 kB, five hundred in each folder."""
    if not folder.exists():
        dice = random.Random(100_000)
        for number in range(files):
            place = folder / f"{number // 10_000:02}" / f"{number // 500:03}"
            if number % 500 == 0:
                place.mkdir(parents=True)
            (place / f"{number % 500:03}.py").write_bytes(dice.randbytes(dice.randrange(3040)))
    return folder
