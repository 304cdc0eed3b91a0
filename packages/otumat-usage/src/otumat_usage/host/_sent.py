"""Take what an upload sends: read it, unpack it and judge it, of what is large little at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from otumat_usage.host._web import Request, Response, problem, read_body, run_in_threadpool
from otumat_usage.host._wire import LIMITS, Malformed, TooLarge, inflate

if TYPE_CHECKING:
    from collections.abc import Callable

    from otumat_usage.host._host import Host

__all__ = ["Sent", "judged", "read"]

_T = TypeVar("_T")

#: Bytes of a body, packed and plain, from which on it is read off the event loop: everybody else
#: would wait for it. For less the way there takes longer than the work.
_PACKED, _PLAIN = 2_048, 65_536
#: Bytes as which an upload counts at least: the smallest takes a row of the log.
_LEAST = 1_024


class Sent(NamedTuple):
    """A body as it was sent, and whether that is gzip."""

    sent: bytes
    packed: bool


async def read(request: Request, most: int) -> Sent | Response:
    """Return the body of *request*, of *most* bytes, or why it is not taken."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return problem(415, "media-type", "Unsupported media type", "send application/json")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        return problem(415, "encoding", "Unsupported encoding", "send gzip or identity")
    body = await read_body(request, most)
    if body is None:
        text = f"the body passes {most} bytes"
        return problem(413, "too-large", "Batch too large", text, limits=LIMITS)
    return Sent(body, encoding == "gzip")


async def judged(
    host: Host, body: Sent, install: bytes, parse: Callable[[bytes], _T]
) -> _T | Response:
    """Unpack *body* and *parse* it: what is large off the event loop, and few of these at once.

    Eight kilobytes can unfold to hundreds of megabytes of objects until they are found to be none.
    What the *install* sent is counted, whatever it is.
    """
    size = len(body.sent)

    def unpack() -> bytes:
        nonlocal size
        plain = inflate(body.sent) if body.packed else body.sent
        size = len(plain)
        return plain

    try:
        if body.packed and size > _PACKED:
            async with host.judging:
                return await run_in_threadpool(_attempt, lambda: parse(unpack()))
        plain = _attempt(unpack)
        if isinstance(plain, Response) or size <= _PLAIN:
            return plain if isinstance(plain, Response) else _attempt(lambda: parse(plain))
        async with host.judging:
            return await run_in_threadpool(_attempt, lambda: parse(plain))
    finally:
        host.uploads.count(install.hex(), host.now(), max(size, _LEAST))


def _attempt(work: Callable[[], _T]) -> _T | Response:
    """Do *work*; what is wrong with a batch as a whole is an answer.

    It is caught at once: an error on its way to another thread keeps alive what it came from.
    """
    try:
        return work()
    except TooLarge as error:
        return problem(413, "too-large", "Batch too large", str(error), limits=LIMITS)
    except Malformed as error:
        return problem(400, "malformed", "Malformed batch", str(error))
