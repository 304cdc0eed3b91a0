"""Write the mails to maintainers: a report of a week or month, an alarm, its end."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host import _alarms, _signs
from otumat_usage.host._answers import Answers
from otumat_usage.host._catalogue import exhibit
from otumat_usage.host._days import DAY, buckets, day_of, iso, monday
from otumat_usage.host._figures import figures
from otumat_usage.host._pages import fill
from otumat_usage.host._question import ask
from otumat_usage.host._shown_survey import questions
from otumat_usage.host._terminal import as_text, barred, courses, is_course

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection
    from otumat_usage.host._exhibit import Exhibit
    from otumat_usage.host._outgoing import Outgoing
    from otumat_usage.host._packages import Package
    from otumat_usage.host._question import Question

__all__ = ["REPORT", "Letter", "Period", "alarm", "last_period", "occasion", "period_of", "report"]

#: What the occasion of a report begins with.
REPORT = "report"
_SHOWN = ("actives", "events", "features", "never", "versions", "python", "os", "frequency")
_ROWS = 15


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """A mail without its address: plain text, and the same as HTML without remote content."""

    subject: str
    text: str
    html: str


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """A whole week or month: its kind, first and last day."""

    kind: str
    first: int
    last: int

    @property
    def end(self) -> int:
        """The instant at which it was over, in milliseconds."""
        return (self.last + 1) * DAY


def last_period(kind: str, now: int) -> Period:
    """Return the last week (from Monday) or month that is over, in UTC."""
    today = day_of(now)
    if kind == "week":
        return Period(kind, monday(today) - 7, monday(today) - 1)
    # Long enough for the whole month before this one, and cut into months.
    *_, (first, last), (_, _) = buckets(today - 70, today, "month")
    return Period(kind, first, last)


def occasion(period: Period) -> str:
    """Return the name under which the mail about *period* is sent once."""
    return f"{REPORT} {period.kind} {period.first} {period.last}"


def period_of(text: str) -> Period:
    """Undo `occasion`."""
    _, kind, first, last = text.split()
    return Period(kind, int(first), int(last))


def report(connection: Connection, package: Package, period: Period, issuer: str) -> Letter:
    """Return the report of *period*: what the pages say of these days, as of their end."""
    answers = Answers(connection, package, period.end - 1)
    asked = ask(answers, {"days": str(period.last - period.first + 1)})
    shown = [*_SHOWN, *questions(answers)]
    head = _head(answers, period, asked)
    exhibits = [exhibit(name, answers, asked) for name in shown]
    title = f"{package.name}, {period.kind} of {iso(period.first)} to {iso(period.last)} (UTC)"
    link = f"{issuer}/p/{package.name}"
    width = max(len(name) for name, _ in head)
    text = [title, "", *(f"  {name:<{width}}  {number}" for name, number in head), ""]
    text += [part for each in exhibits for part in (as_text(each, rows=_ROWS), "")]
    text += [f"All of it, with any filter: {link}", "", *_reason("mail-report", package)]
    values = {
        "title": title,
        "head": head,
        "parts": [_part(each) for each in exhibits],
        "link": link,
        "reason": _reason("mail-report", package),
    }
    users = answers.total(period.first, period.last, where=asked.where).users
    who = "1 user" if users == 1 else f"{users} users"
    subject = f"{package.name}: {who} in the {period.kind} to {iso(period.last)}"
    return Letter(subject, "\n".join(text) + "\n", fill("mail_report.html", values))


def _head(answers: Answers, period: Period, asked: Question) -> list[tuple[str, str]]:
    """Return the numbers that stand above everything else, in words."""
    days = asked.days
    now = answers.total(period.first, period.last, where=asked.where)
    then = answers.total(period.first - days, period.first - 1, where=asked.where)
    found = figures(answers, asked, period.end)
    health = answers.health()
    return [
        ("users", f"{now.users} ({then.users} in the {days} days before)"),
        ("events", f"{_known(now.events)} ({_known(then.events)} in the {days} days before)"),
        ("users of 28 days", f"{found.month}" + (f" ({found.change})" if found.change else "")),
        ("consenting installs today", f"{found.installs}"),
        ("said yes on the page, ever", f"{found.yes} of {found.asked}"),
        ("refused, lost events, ever", f"{health['rejected']}, {health['lost']}"),
    ]


def _known(events: int | None) -> str:
    return "-" if events is None else str(events)


def _part(each: Exhibit) -> dict[str, object]:
    rows = list(each.rows)[:_ROWS]
    place = barred(each)
    top = max((n for row in rows if isinstance(n := row[place], int)), default=0)
    return {
        "x": each,
        "courses": courses(each) if rows and is_course(each) else [],
        "rows": rows,
        "bar": place,
        "top": top,
        "left": len(each.rows) - len(rows),
    }


def alarm(mail: Outgoing, package: Package, issuer: str) -> Letter:
    """Return the mail that something is wrong with *package*, or is no longer."""
    what, kind, _ = mail.occasion.split()
    over = what == _alarms.OVER
    name = _signs.KINDS[kind]
    title = f"{package.name}: {'over: ' if over else ''}{name}"
    page = "" if kind in ("events", "installs") else "/health"
    link = f"{issuer}/p/{package.name}{page}"
    said = f"{(mail.body or '')[:1].upper()}{(mail.body or '')[1:]}."
    text = [title, "", f"  {said}", "", f"See {link}", "", *_reason("alerts", package)]
    if not over:
        text.insert(3, "  One mail follows when it is over, none until then.")
    values = {
        "title": title,
        "said": said,
        "over": over,
        "link": link,
        "reason": _reason("alerts", package),
    }
    return Letter(title, "\n".join(text) + "\n", fill("mail_alarm.html", values))


def _reason(command: str, package: Package) -> list[str]:
    return [
        "You get this because the host of this package was told to send it. To end it:",
        f"otumat-usage host {command} {package.name} --to YOUR-ADDRESS --off",
    ]
