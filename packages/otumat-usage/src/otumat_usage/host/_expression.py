"""Read a filter that a person wrote: ``python = 3.12 and not (os = Windows or feature = fit)``.

```
either    = both *("or" both)
both      = one *("and" one)
one       = "not" one / "(" either ")" / name sign value
name      = "feature" / "version" / "python" / "os" / "ci" / "container"
sign      = "=" / "!=" / "<" / "<=" / ">" / ">="        ; order is that of versions
value     = 1*(any character but blanks, quotes, parentheses and signs) / DQUOTE *any DQUOTE
```
"""

from __future__ import annotations

import difflib
import functools
import operator
import re
from typing import TYPE_CHECKING

from otumat_usage.host._answers import DIMENSIONS, AllOf, AnyOf, Filter, Is, Not
from otumat_usage.host._errors import ServingError
from otumat_usage.host._filters import UNKNOWN, values_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CALLED", "NAMES", "FilterInvalid", "condition", "read", "unseen"]

_LONGEST = 1000
_DEEPEST = 20
_MOST = 50
#: Values that are named in place of one that was never seen, and looked at for that.
_NEAREST, _LOOKED = 5, 500
_TOKEN = re.compile(r'\s*(?:(?P<sign>[<>!]=|[<>=()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s"()<>=!]+))')
_PLAIN = re.compile(r'[^\s"()<>=!]+')
_WORDS = frozenset(("and", "or", "not"))
#: Each dimension by how a person names it, and the other way round.
NAMES = {"version" if name == "package_version" else name: name for name in DIMENSIONS}
CALLED = {known: name for name, known in NAMES.items()}
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

_Token = tuple[str, str, int]  # kind (sign, quoted, word, end), text, where it begins


class FilterInvalid(ServingError, ValueError):  # noqa: N818 - named for the state
    """A filter cannot be read; the message says what was expected.

    Attributes:
        at: Where in the filter: the number of characters before it.
    """

    def __init__(self, text: str, *, at: int = 0) -> None:
        super().__init__(text)
        self.at = at


def condition(dimension: str, value: str, *, sign: str = "=") -> str:
    """Return the filter for one value, in words that `read` understands."""
    name = CALLED[dimension]
    plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
    written = value if plain else '"' + value.replace('"', "") + '"'
    return f"{name} {sign} {written}"


def read(text: str, values: Callable[[str], list[str]]) -> Filter | None:
    """Return the filter in *text*, None when it is blank.

    Args:
        text: What a person wrote.
        values: Gives the values of a dimension, which ``<`` and its kin choose from.

    Raises:
        FilterInvalid: it cannot be read, or is longer than 1,000 characters.
    """
    if len(text) > _LONGEST:
        raise FilterInvalid(f"a filter of {len(text)} characters; at most {_LONGEST}", at=_LONGEST)
    tokens = list(_tokens(text))
    if len(tokens) == 1:
        return None
    reader = _Reader(tokens, values)
    found = reader.either(0)
    reader.expect("end", "")
    return found


def unseen(where: Filter | None, values: Callable[[str], list[str]]) -> str:
    """Return in words which value of *where* was never seen, and those most like it; "" for none.

    Args:
        where: What `read` returned.
        values: Gives the values of a dimension.
    """
    for dimension, value in values_of(where):
        seen = values(dimension)
        if value in seen or value in {"", UNKNOWN}:
            continue
        near = sorted(seen[-_LOOKED:], key=lambda each: -_likeness(each, value))[:_NEAREST]
        text = f"{condition(dimension, value)} was never seen"
        return f"{text}; nearest: {', '.join(near)}." if near else f"{text}, nor any other value."
    return ""


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].strip()[:20]
            where = len(text) - len(text[at:].lstrip())
            raise FilterInvalid(f"cannot read {rest!r} of the filter {text!r}", at=where)
        kind = match.lastgroup or ""
        found.append((kind, match[kind], match.end() - len(match[0].lstrip())))
        at = match.end()
    return [*found, ("end", "", len(text))]


class _Reader:
    """Descend through the grammar above, one token ahead."""

    def __init__(self, tokens: list[_Token], values: Callable[[str], list[str]]) -> None:
        self._tokens = tokens[::-1]
        self._values = values
        self._count = 0

    def either(self, depth: int) -> Filter:
        parts = [self._both(depth)]
        while self._takes("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def expect(self, kind: str, text: str) -> None:
        found, said, at = self._tokens.pop()
        if (found, said) != (kind, text):
            wanted = repr(text) if text else "and, or, or the filter's end"
            hint = '; what has blanks stands in "quotes"' if found == "word" else ""
            raise FilterInvalid(f"expected {wanted}, found {said or 'the end'!r}{hint}", at=at)

    def _both(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._takes("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _takes(self, word: str) -> bool:
        kind, text, _ = self._tokens[-1]
        if kind == "word" and text.lower() == word:
            self._tokens.pop()
            return True
        return False

    def _one(self, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise FilterInvalid(f"a filter nested deeper than {_DEEPEST}", at=self._tokens[-1][2])
        if self._takes("not"):
            return Not(self._one(depth + 1))
        if self._tokens[-1][:2] == ("sign", "("):
            self._tokens.pop()
            found = self.either(depth + 1)
            self.expect("sign", ")")
            return found
        return self._comparison()

    def _comparison(self) -> Filter:
        self._count += 1
        if self._count > _MOST:
            raise FilterInvalid(f"more than {_MOST} conditions", at=self._tokens[-1][2])
        _, name, at = self._tokens.pop()
        dimension = NAMES.get(name.lower())
        if dimension is None:
            text = f"{name or 'the end'!r} where one of {', '.join(NAMES)} must stand"
            raise FilterInvalid(text, at=at)
        kind, sign, at = self._tokens.pop()
        if kind != "sign" or sign in "()":
            text = f"{sign or 'the end'!r} after {name!r}: write {name} = VALUE"
            raise FilterInvalid(text, at=at)
        kind, value, at = self._tokens.pop()
        if kind not in ("word", "quoted"):
            text = f"{value or 'the end'!r} where a value of {name!r} must stand"
            raise FilterInvalid(text, at=at)
        return self._compared(dimension, sign, value)

    def _compared(self, dimension: str, sign: str, value: str) -> Filter:
        if sign == "=":
            return Is(dimension, value)
        if sign == "!=":
            return Not(Is(dimension, value))
        held = _ORDER[sign]
        wanted = _version(value)
        chosen = [
            v for v in self._values(dimension) if _is_version(v) and held(_version(v), wanted)
        ]
        # A value that no client can send stands for "none of those seen".
        parts: list[Filter] = [Is(dimension, each) for each in chosen] or [Is(dimension, "")]
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _is_version(text: str) -> bool:
    return text[:1].isdecimal()


@functools.lru_cache(maxsize=8192)  # each value of a package, again for each condition
def _version(text: str) -> tuple[int, ...]:
    """Return the numbers of a release, trailing zeros aside; what follows them is ignored."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
