"""The one exception of the release scripts: a "no", in one line."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 -- it is an answer, not a fault
    """This must not be released; the text says what is wrong, where, and what to do."""
