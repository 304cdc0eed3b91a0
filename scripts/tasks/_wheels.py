"""Our distributions as users get them: wheels, built once per run of nox, never the tree."""

from __future__ import annotations

import pathlib
import shutil
from typing import TYPE_CHECKING

from tasks._facts import DISTS, PAGES_INSTALL, ROOT

if TYPE_CHECKING:
    import nox

FOLDER = ROOT / ".nox" / "wheels"
_built: dict[pathlib.Path, dict[str, pathlib.Path]] = {}


def wheels(session: nox.Session, folder: pathlib.Path = FOLDER) -> dict[str, pathlib.Path]:
    """Build the four wheels into *folder*, once per run, and return them by distribution."""
    if folder not in _built:
        shutil.rmtree(folder, ignore_errors=True)
        uv = session.venv_backend == "uv"
        pip = ["pip", "wheel", "-q", "--no-deps", "-w"]
        build = ["uv", "build", "-q", "--wheel", "-o"] if uv else pip
        found = {}
        for dist in DISTS:
            session.run(*build, str(folder), f"packages/{dist}", silent=True)
            (found[dist],) = folder.glob(f"{dist.replace('-', '_')}-*.whl")
        _built[folder] = found
    return _built[folder]


def wheelhouse(session: nox.Session, folder: pathlib.Path = FOLDER) -> pathlib.Path:
    """Fill a folder with all that a page installs, for this session's Python, and return it."""
    ours = wheels(session, folder)
    house = folder.parent / f"wheelhouse-{session.python}"
    shutil.rmtree(house, ignore_errors=True)
    usage = f"{ours['otumat-usage']}[host,oidc,parquet,postgresql]"
    others = (str(wheel) for dist, wheel in ours.items() if dist != "otumat-usage")
    session.run(
        "python", "-m", "pip", "download", "-q", "-d", str(house), usage, *others, *PAGES_INSTALL,
        env={"PIP_FIND_LINKS": str(folder)},
    )  # fmt: skip
    return house


def install(
    session: nox.Session,
    dists: tuple[str, ...],
    *more: str,
    extras: str = "host",
    folder: pathlib.Path = FOLDER,
) -> None:
    """Install the wheels of *dists* (otumat-usage with its *extras*), and *more* from the index."""
    ours = wheels(session, folder)
    named = [f"{ours[d]}[{extras}]" if d == "otumat-usage" else str(ours[d]) for d in dists]
    session.install(*named, *more)
