"""Audit ``__pycache__``: is the byte code what this Python makes of the source beside it?

Python runs a ``.pyc`` whose header says "unchecked" without looking at the source (PEP 552), so
that planted byte code runs while every source file is as it was signed.
"""

from __future__ import annotations

import importlib.util
import marshal
import re
import sys

from otumat_sign._content import BYTECODE_FOLDER
from otumat_sign._verdict import Difference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from otumat_sign._installed import Installed

_HEADER_BYTES = 16
_LONGEST_PATH = 4096
_NAME = re.compile(r"(.+)\.([^.]+?)(?:\.opt-([12]))?\.pyc\Z")


def audit(content: Installed, module: str) -> Iterator[Difference]:
    """Yield each file in a byte code folder of *module* that should not be there as it is.

    Byte code of another Python is passed over: this one does not run it. Sources are compiled,
    never executed, and the byte code is compared as bytes, never unmarshalled.
    """
    for path in content.bytecode(module):
        folder, _, name = path.rpartition("/")
        match = _NAME.match(name)
        above, _, last = folder.rpartition("/")
        if not match or (last or above) != BYTECODE_FOLDER:
            yield Difference(path, "added", "no byte code that Python would write")
        elif match[2] == sys.implementation.cache_tag:
            source = f"{above}/{match[1]}.py" if above else f"{match[1]}.py"
            if why := _objection(content, path, source, int(match[3] or 0)):
                yield Difference(path, "changed", f"byte code: {why}; delete it")


def _objection(content: Installed, path: str, source: str, optimize: int) -> str | None:
    try:
        text = content.read_file(source)
    except FileNotFoundError:
        return None  # Python runs nothing in this folder that has no source
    data = content.read_file(path)
    if data[:4] != importlib.util.MAGIC_NUMBER:
        return None  # not of this Python either, so it is written anew and not run
    name = source.rpartition("/")[2].encode(errors="surrogateescape")
    code = data[_HEADER_BYTES:]
    try:
        for place in _filenames(code, name):
            made = compile(text, place, "exec", dont_inherit=True, optimize=optimize)
            if code in _spellings(made):
                return None
    except (SyntaxError, ValueError):
        return "its source cannot be compiled"
    return "not what this Python makes of the source"


def _filenames(code: bytes, name: bytes) -> list[str]:
    """Return the file names that may be inside *code*: it may have been compiled elsewhere."""
    found: dict[str, None] = {}
    for match in re.finditer(re.escape(name), code):
        end = match.end()
        for length in range(len(name), end):
            start = end - length
            short = code[start - 1] == length and code[start - 2] & 0x7F in b"zZ"
            long = code[start - 4 : start] == length.to_bytes(4, "little") and (
                code[start - 5] & 0x7F in b"aAut"
            )
            if short or long:
                found.setdefault(code[start:end].decode(errors="surrogateescape"))
            if length > _LONGEST_PATH:
                break
    return list(found)[:8]


def _spellings(code: CodeType) -> Iterator[bytes]:
    """Yield the ways in which marshal writes *code*: shared objects depend on reference counts."""
    first = marshal.dumps(code)
    yield first
    yield marshal.dumps(marshal.loads(first))  # noqa: S302 -- our own bytes
