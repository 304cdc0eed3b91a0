"""Send many lines that are made first, and wait on the disk while a slow reader takes them.

What a user may ask for can be as long as what a hostile one sent, which came packed a
thousandfold: neither memory nor a reading transaction may be held by it.
"""

from __future__ import annotations

import json
import tempfile
from typing import IO, TYPE_CHECKING

from otumat_usage.host._web import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["gathered", "sent"]

#: Bytes up to which lines stay in memory.
_ROOM = 1 << 20
_CHUNK = 1 << 16


def gathered(things: Iterable[dict[str, object]]) -> IO[bytes] | None:
    """Return *things* as JSON lines in a file without a name; None when there are none."""
    file = tempfile.SpooledTemporaryFile(_ROOM)  # noqa: SIM115 - `sent` closes it
    try:
        for thing in things:
            file.write(json.dumps(thing, ensure_ascii=False).encode() + b"\n")
    except BaseException:
        file.close()
        raise
    if not file.tell():
        file.close()
        return None
    return file


def sent(file: IO[bytes], **headers: str) -> Response:
    """Return the answer that sends what was `gathered`; header names use ``_`` for ``-``."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    size = {"Cache-Control": "no-store", "Content-Length": str(file.tell())}
    file.seek(0)
    return StreamingResponse(_chunks(file), headers=size | named, media_type="application/jsonl")


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
