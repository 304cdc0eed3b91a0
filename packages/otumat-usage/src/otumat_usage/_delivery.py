"""One batch to the host, and what its answer means.

Only a parsed answer that names the batch is an acknowledgement: a captive portal's 200, or a
redirect, is not. The same id and the same bytes go out at every attempt, so that a lost answer
costs nothing (docs/protocol.md, route 3).
"""

from __future__ import annotations

import email.utils
import enum
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otumat_usage import _news
from otumat_usage.exceptions import HostError

if TYPE_CHECKING:
    from otumat_usage._batch import Batch
    from otumat_usage._http import Client, Reply


#: The longest wait that a host can ask for, in seconds.
LONGEST_WAIT = 7 * 86400.0


class Verdict(enum.Enum):
    """What to do with the batch."""

    ACKNOWLEDGED = "acknowledged"  #: remove it
    RENEW = "renew"  #: renew the tokens and try again
    HALVE = "halve"  #: too large: send it in halves
    LATER = "later"  #: keep it
    REFUSED = "refused"  #: never send it again, and count it
    STOP = "stop"  #: this package sends nothing more to this host for now
    GONE = "gone"  #: the host has erased this installation: so do we


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and what came with it; *wait* is in seconds."""

    verdict: Verdict
    accepted: int = 0
    receipt: str = ""
    wait: float | None = None
    why: str = ""
    #: The newest version and the notice to its users, when acknowledged.
    told: tuple[str | None, str | None] = (None, None)


def post(client: Client, route: str, batch: Batch, access_token: str) -> Answer:
    """Send *batch* once and judge the answer. Never raises `HostError`."""
    headers = {
        "authorization": f"Bearer {access_token}",
        "content-type": "application/json",
        "content-encoding": "gzip",
        "idempotency-key": f'"{batch.id}"',
        # The body and its sent_at are frozen; this is the clock now (RFC 9110, 6.6.1).
        "date": email.utils.formatdate(usegmt=True),
    }
    try:
        reply = client.post(route, batch.gzip, headers)
    except HostError as error:
        return Answer(Verdict.LATER, why=str(error))
    return judge(reply, batch.id)


def judge(reply: Reply, batch: str) -> Answer:
    """Return what *reply* means for the batch of that id."""
    status, found = reply.status, reply.parsed()
    why = f"the host answered {status}"
    if 200 <= status < 300:  # noqa: PLR2004
        if found.get("batch") != batch:
            return Answer(Verdict.LATER, why=f"{why}, but not to this upload")
        return Answer(
            Verdict.ACKNOWLEDGED,
            accepted=int(_number(found.get("accepted")) or 0),
            receipt=str(found.get("receipt", ""))[:200],
            wait=_wait(found.get("next_upload_after")),
            told=(_news.version(found.get("latest_version")), _news.plain(found.get("notice"))),
        )
    wait = retry_after(reply.headers.get("retry-after"))
    verdict = {
        401: Verdict.RENEW,
        403: Verdict.STOP,
        410: Verdict.GONE,
        413: Verdict.HALVE,
    }.get(status)
    if verdict is None:
        passing = status in (408, 425, 429) or not 400 <= status < 500  # noqa: PLR2004
        verdict = Verdict.LATER if passing else Verdict.REFUSED
    return Answer(verdict, wait=wait, why=why)


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:  # noqa: PLR2004
        return value
    return None


def _wait(value: object) -> float | None:
    seconds = _number(value)
    return None if seconds is None else min(float(seconds), LONGEST_WAIT)


def retry_after(value: str | None) -> float | None:
    """Return a ``Retry-After`` header in seconds from now (RFC 9110, 10.2.3), at most a week."""
    if not value:
        return None
    if value.strip().isdecimal():
        seconds = float(value)
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
