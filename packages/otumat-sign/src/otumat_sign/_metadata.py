"""What belongs into a .dist-info folder: whose it is, which files are ours, who adds others."""

from __future__ import annotations

import csv
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

#: The compat signature, the signed manifest, the trusted keys.
SIGNATURE, MANIFEST, KEYRING = ".sig", ".manifest", ".pub"

#: What installers write beside what the wheel brought (PEP 376, 610, 627; uv's own).
ADDED_BY_INSTALLERS = frozenset(
    {
        "RECORD",
        "INSTALLER",
        "REQUESTED",
        "direct_url.json",
        "uv_build.json",
        "uv_cache.json",
    }
)


def identity(metadata: bytes) -> tuple[str, str]:
    """Return name and version from the head of a METADATA file, each empty if it is not there."""
    found = {"name": "", "version": ""}
    head = metadata.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    for line in head.decode(errors="replace").splitlines():
        key, colon, value = line.partition(":")
        if colon and not found.get(key.lower(), "taken"):
            found[key.lower()] = value.strip()
    return found["name"], found["version"]


def rows(record: bytes) -> dict[str, str]:
    """Return what a RECORD file says: each path with its hash, as ``sha256=...``."""
    table = csv.reader(record.decode(errors="replace").splitlines())
    return {row[0].replace("\\", "/"): row[1] for row in table if len(row) > 1}


def normalised(name: str) -> str:
    """Return the one spelling under which an index knows a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_ours(name: str, modules: Container[str], distribution: str) -> bool:
    """Return whether *name*, in a .dist-info folder, is a signature or a manifest of ours.

    Otumat 0.3 named its signature by the distribution.
    """
    for ending in (SIGNATURE, MANIFEST):
        if name.endswith(ending):
            stem = name.removesuffix(ending)
            return stem in modules or normalised(stem) == normalised(distribution)
    return False
