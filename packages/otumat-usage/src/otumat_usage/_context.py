"""What is said about the program besides its events: versions of package, Python and OS family.

Runs once per process on the hot path: no importlib.metadata (40 ms), no platform module.
"""

# pathlib and contextlib are not loaded on the hot path.
# ruff: noqa: PTH208

import os
import sys

_SYSTEMS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
#: What is sent beside the events, in the words of the prompt.
FIELDS = ("package version", "Python version", "operating system family")


def of(package_name: str) -> tuple[str, str, str]:
    """Return the versions of the package and of Python (``3.12``), and the OS family."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return _version(package_name), python, _SYSTEMS.get(sys.platform, "other")


def _version(package_name: str) -> str:
    """Return the package's version from what is loaded, or from the names of installed metadata."""
    top = package_name.partition(".")[0]
    version = getattr(sys.modules.get(top), "__version__", None)
    if not isinstance(version, str):
        version = _installed(top)
    plain = version.replace(".", "").replace("+", "").replace("-", "").replace("_", "")
    return version if plain.isalnum() and plain.isascii() and len(version) <= 64 else ""  # noqa: PLR2004


def _installed(name: str) -> str:
    wanted = name.lower().replace("-", "_").replace(".", "_")
    for place in sys.path:
        try:
            entries = os.listdir(place or ".")
        except OSError:
            continue
        for entry in entries:
            if entry.endswith(".dist-info"):
                dist, _, version = entry[:-10].partition("-")
                if dist.lower().replace(".", "_") == wanted:
                    return version
    return ""
