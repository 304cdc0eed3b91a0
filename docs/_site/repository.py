"""Make links that are right in the repository right on the site.

Pages include files from outside `docs/` (the READMEs, the changelogs, the figures). A link in such
a file is relative to that file: here it is turned to the page that includes its target, to the
target's copy, or, where it is a folder, to its bare text. A package's README names the pages of
`docs/` in words, since an index shows it away from the repository: here they are links.
"""

from __future__ import annotations

import functools
import os
import pathlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
NAMED = re.compile(r"`docs/([\w/-]+\.md)`")
INCLUDE = re.compile(r"^:::\{include\} (\S+)$", re.MULTILINE)


@functools.cache
def included() -> dict[pathlib.Path, pathlib.Path]:
    """Return the page that includes each file from outside `docs/`."""
    found: dict[pathlib.Path, pathlib.Path] = {}
    for page in sorted(DOCS.rglob("*.md")):
        for match in INCLUDE.finditer(page.read_text(encoding="utf-8")):
            found[(page.parent / match[1]).resolve()] = page
    return found


def turned(text: str, source: pathlib.Path, page: pathlib.Path) -> str:
    """Return the *text* of *source* with its links as they must be on *page*."""
    where = included()

    def turn(match: re.Match[str]) -> str:
        address, sharp, anchor = match[2].partition("#")
        if not address or re.match(r"[a-z]+:", address):
            return match[0]
        target = (source.parent / address).resolve()
        target = where.get(target, target)
        if target.is_dir():
            return match[1]
        if not target.exists():
            return match[0]  # Sphinx will say so
        relative = pathlib.Path(os.path.relpath(target, page.parent)).as_posix()
        return f"[{match[1]}]({relative}{sharp}{anchor})"

    def link(match: re.Match[str]) -> str:
        target = DOCS / match[1]
        relative = pathlib.Path(os.path.relpath(target, page.parent)).as_posix()
        return f"[{match[0]}]({relative})" if target.exists() else match[0]

    return NAMED.sub(link, LINK.sub(turn, text))


def _read(app: Sphinx, file: pathlib.Path, _parent: str, content: list[str]) -> None:
    source = (DOCS / file).resolve()
    if not source.is_relative_to(DOCS):
        content[0] = turned(content[0], source, DOCS / f"{app.env.docname}.md")


def _page(_app: Sphinx, docname: str, content: list[str]) -> None:
    page = DOCS / f"{docname}.md"
    content[0] = turned(content[0], page, page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Turn links in what is included, and on the pages, which name files outside `docs/` too."""
    app.connect("include-read", _read)
    app.connect("source-read", _page)
    return {"parallel_read_safe": True}
