"""What the commands do: look at, change and send what is kept for this user's packages."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import textwrap
import time
from typing import TYPE_CHECKING

from otumat_usage import (
    _answer,
    _calls,
    _consent,
    _doctor,
    _erasure,
    _export,
    _frequency,
    _home,
    _job,
    _optout,
    _outbox,
    _own_page,
    _schema,
    _settings,
    _spool,
    _upload,
    _withdraw,
)
from otumat_usage.exceptions import (
    ConfigurationError,
    EnrolmentDeniedError,
    RefusedError,
    StoreError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def home_of_user() -> str:
    """Return the data folder.

    Raises:
        StoreError: it is not this user's own.
    """
    home = _home.folder()
    if not _home.is_ours(home):
        raise StoreError(f"{home or 'the data folder'} is not this user's own (sudo?)")
    return home


def named(package: str) -> str:
    """Return the canonical name of *package*.

    Raises:
        ConfigurationError: it is none.
    """
    name = _home.canonical(package)
    if not name:
        raise ConfigurationError(f"{package!r} is not the name of a package")
    return name


def _selected(home: str, package: str | None) -> list[str]:
    return _settings.packages(home) if package is None else [named(package)]


def names() -> list[str]:
    """Return the packages that anything is kept about; none where there is no home of ours."""
    home = _home.folder()
    return _settings.packages(home) if _home.is_ours(home) else []


def states(package: str | None) -> list[dict[str, object]]:
    """Return the state of every package (or one) as plain values for JSON."""
    home = home_of_user()
    job = _job.state(home)
    known = {"scheduler": job.scheduler or None, "summary": job.summary, "see": job.see or None}
    return [{**_state(home, name), "job": known} for name in _selected(home, package)]


def describe_job() -> str:
    """Return what uploads in the background, for a person to read; "" if there is nothing to say.

    A job without a package is an error of ours, which its user has to see all the same.
    """
    home = home_of_user()
    job = _job.state(home)
    if not job.scheduler and not _settings.packages(home):
        return ""
    if not job.scheduler:
        return "There is no background job: nothing is uploaded by itself."
    lines = [f"background: {job.summary}", *([f"  to see it: {job.see}"] if job.see else [])]
    return "\n".join(lines)


def _state(home: str, package: str) -> dict[str, object]:
    answer = _answer.read(home, package)
    origin = text = records = None
    with contextlib.suppress(UsageError):
        config = _settings.config(home, package)
        origin = _settings.of(config).origin
        records = _records(config, package)
        text = _schema.text_id(_settings.events(config))
    why = _optout.overruled(package, home) or (
        answer.reason(origin or "", text or "") if answer.asked else _answer.NOT_ASKED
    )
    grant = answer.agreed.get(origin or "")
    return {
        "package": package,
        "recording": why is None,
        "why": why or "you said yes",
        "records": records,
        "host": origin,
        "since": _day(grant[1]) if grant and why is None else None,
        "unanswered": answer.unanswered,
        "erasures": sum(1 for debt in _erasure.owed(home) if debt.package == package),
        "left": answer.left,
        "waiting": _waiting(home, package),
    }


def _waiting(home: str, package: str) -> int:
    """Return how many events wait: in the outbox, and in the files that programs write."""
    events = 0
    with contextlib.suppress(OSError):
        for file in os.scandir(_spool.folder(home, package)):
            with contextlib.suppress(OSError), open(file.path, "rb") as lines:  # noqa: PTH123
                events += sum(1 for line in lines if line[:1].isdigit())
    if _outbox.exists(home):
        with contextlib.suppress(StoreError), _outbox.opened(home, wait=2) as outbox:
            events += outbox.waiting(package) if outbox else 0
    return events


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def describe(found: list[dict[str, object]]) -> str:
    """Return `states` for a person to read, who may never have heard of us."""
    if not found:
        return "No package on this account has asked to record how you use it."
    return "\n".join(line for state in found for line in _lines(state))


def _lines(state: dict[str, object]) -> Iterator[str]:
    package = state["package"]
    if state["recording"]:
        yield f"{package}: on, you said yes on {state['since']}"
        records = textwrap.wrap(str(state["records"]), 66, break_on_hyphens=False)
        yield "  records   " + "\n            ".join(records)
        yield f"  goes to   {state['host']}"
        seen = f"{_events(state['waiting'])}; to see what: otumat-usage show {package}"
        yield f"  waiting   {seen if state['waiting'] else 'nothing'}"
        yield f"  to end    otumat-usage off {package}"
        yield f"  to erase  otumat-usage erase {package} (what was sent, too)"
    else:
        why = str(state["why"]).replace("the user said", "you said", 1)
        if state["unanswered"] and why == _answer.NOT_ASKED:
            times = "once" if state["unanswered"] == 1 else f"{state['unanswered']} times"
            why = f"you gave no answer yet, having been asked {times}"
        yield f"{package}: off, {why}"
        if state["waiting"]:
            yield f"  waiting   {_events(state['waiting'])}, not sent now"
    if state["erasures"]:
        yield "  the host has not confirmed yet that it erased what it has"
    for origin in state["left"] if isinstance(state["left"], list) else ():
        yield f"  {origin} keeps what was sent before;"
        yield "  its makers erase it if you tell them the number you were told"


def _records(config: dict[str, object], package: str) -> str:
    """Say in words what is recorded; the question says it at length."""
    events = _settings.events(config)
    what = "the names of features you use" if events is None else ", ".join(sorted(events))
    return (
        f"{what or 'nothing'}, and when; the versions of {package} and Python, "
        "the system's family, and a random number for this installation"
    )


def _events(number: object) -> str:
    return f"{number} event{'' if number == 1 else 's'}"


def switch_on(package: str, *, ask: bool) -> bool:
    """Put the question for *package* again, or only enrol; say whether the user agrees.

    Raises:
        RefusedError: the environment says no.
        EnrolmentError: the host's page did not end in an agreement.
        StoreError: the package was never asked about, or a file cannot be written.
    """
    home, name = home_of_user(), named(package)
    if os.path.lexists(everyone := _answer.everyone(home)):
        raise RefusedError(f"{name}: you said no to all packages; to take it back, rm '{everyone}'")
    config = _settings.config(home, name)
    events = _settings.events(config)
    if ask:
        return _consent.ask_again(home, config, events)
    if why := _optout.overruled(name, home):
        raise RefusedError(f"{name}: {why}")
    try:
        _consent.agree(_consent.Question(home, _settings.of(config), config, events), "command")
    except EnrolmentDeniedError:
        return False
    return True


def next_bodies(package: str | None) -> Iterator[bytes]:
    """Yield the bodies that would be sent next; packages that may not send are passed over.

    Raises:
        RefusedError: nothing may be sent for the *package* that was named.
        StoreError: the outbox cannot be used.
    """
    home = home_of_user()
    for name in _selected(home, package):
        if package is not None or _may_send(home, name):
            yield from _calls.bodies(home, name)


def ledger(package: str | None) -> list[dict[str, object]]:
    """Return the uploads that were made, oldest first.

    Raises:
        StoreError: the outbox cannot be used.
    """
    home = home_of_user()
    rows: list[dict[str, object]] = []
    if not _outbox.exists(home):
        return rows
    with _outbox.free(home) as outbox:
        for name in _selected(home, package):
            for row in outbox.ledger(name):
                when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(str(row.pop("at")))))
                rows.append({"package": name, "when": when, **row})
    return rows


def upload(package: str | None) -> tuple[list[dict[str, object]], int]:
    """Upload now; return what happened per package, and the command's exit code.

    Raises:
        StoreError: the outbox cannot be used.
    """
    home = home_of_user()
    owed = bool(_erasure.owed(home))
    chosen = None if package is None else [named(package)]
    outcomes = _upload.run(home, chosen, now=True, wait=5)
    if owed:
        _withdraw.tidy(home)
    if package is None:
        outcomes = [o for o in outcomes if not o.why or _may_send(home, o.package)]
    code = 0
    for outcome in outcomes:
        if outcome.why:
            code = 2 if _may_send(home, outcome.package) else max(code, 1)
    return [_outcome(outcome) for outcome in outcomes], code


def _may_send(home: str, package: str) -> bool:
    return not isinstance(_upload.permitted(home, package), str)


def _outcome(outcome: _upload.Outcome) -> dict[str, object]:
    words = f"{outcome.package}: {_events(outcome.events)} sent, {outcome.waiting} waiting"
    if outcome.running:
        words += f", programs still recording: {outcome.running}"
    return {
        "package": outcome.package,
        "events": outcome.events,
        "requests": outcome.requests,
        "waiting": outcome.waiting,
        "running": outcome.running,
        "receipts": outcome.receipts,
        "why": outcome.why,
        "summary": f"{words} ({outcome.why})" if outcome.why else words,
    }


def export(package: str | None, *, ask: bool) -> tuple[dict[str, object], list[str]]:
    """Return everything that is held about all packages or one, and why it is not complete.

    Raises:
        StoreError: the outbox cannot be used.
    """
    home = home_of_user()
    end = time.monotonic() + _upload.DEADLINE
    names = _selected(home, package)
    found = [_export.everything(home, name, ask=ask, end=end) for name in names]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    everything = {"otumat_usage_export": 1, "made": now, "packages": [one for one, _ in found]}
    return everything, [why for _, untold in found for why in untold]


def own_pages(package: str) -> Iterator[tuple[str, str, int]]:
    """Show each host's page about this user in a browser; see `_own_page.shown`."""
    end = time.monotonic() + _upload.DEADLINE
    return _own_page.shown(home_of_user(), named(package), end=end)


def examine(*, ask: bool) -> list[dict[str, str]]:
    """Return what the doctor found and mended, as plain values.

    Raises:
        StoreError: there is no home.
        OSError: something cannot be looked at or mended.
    """
    home = _home.folder()
    if not home:
        raise StoreError("there is no home, so nothing is kept")
    return [dataclasses.asdict(finding) for finding in _doctor.examine(home, ask=ask)]


def legacy_upload(package: str, start: str, frequency: str) -> None:
    """Make one pass for *package*, having checked the arguments that 0.3 gives.

    Raises:
        ConfigurationError: an argument is none.
        StoreError: the outbox cannot be used.
    """
    _frequency.seconds(frequency)
    whole, _, fraction = start.partition(".")
    try:
        dt.datetime.strptime(f"{whole}.{fraction or 0}", "%Y-%m-%dT%H:%M:%S.%f")  # noqa: DTZ007 - as 0.3 wrote it
    except ValueError:
        raise ConfigurationError(
            f"start={start!r} is not a time such as 2022-01-31T12:00:00.0"
        ) from None
    _upload.run(home_of_user(), [named(package)])
