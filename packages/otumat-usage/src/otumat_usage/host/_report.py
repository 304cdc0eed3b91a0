"""Print the answers in a terminal: the same summary as the pages, as text or JSON."""

from __future__ import annotations

import dataclasses
import json

from otumat_usage.host._statistics import Summary, iso

__all__ = ["as_json", "as_text"]

_SPARK = "▁▂▃▄▅▆▇█"


def as_json(summary: Summary) -> str:
    """Return the whole summary as one JSON object; days are ISO dates."""
    fields = dataclasses.asdict(summary)
    fields["today"] = iso(summary.today)
    fields["days"] = [
        {"day": iso(day), "users": users, "events": events} for day, users, events in summary.days
    ]
    fields["dimensions"] = {name: dict(rows) for name, rows in summary.dimensions.items()}
    return json.dumps(fields, indent=2, ensure_ascii=False)


def as_text(summary: Summary) -> str:
    """Return the report for a reader: how many, how often, which."""
    active = summary.active
    often = summary.per_active_day
    lines = [
        f"{summary.package}, {iso(summary.today)} (UTC)",
        "",
        "How many users",
        f"  consenting installs      {summary.installs:>8}",
        f"  active today             {active[1]:>8}",
        f"  active in 7 days         {active[7]:>8}",
        f"  active in 28 days        {active[28]:>8}",
        f"  per day, last 28         {_spark([users for _, users, _ in summary.days[-28:]])}",
        "",
        "How often",
        f"  events in all            {summary.events:>8}",
        f"  per user and active day  {'-' if often is None else format(often, '.1f'):>8}",
        "",
        *_features(summary),
    ]
    if summary.never_used:
        lines += ["", "Declared, never used", *(f"  {name}" for name in summary.never_used)]
    return "\n".join(lines)


def _features(summary: Summary) -> list[str]:
    if not summary.features:
        return ["Which features", "  nothing has arrived yet"]
    width = max(len("feature"), *(len(f.name) for f in summary.features))
    lines = [
        "Which features, most used first (28 days)",
        f"  {'feature':<{width}}  {'users':>8}  {'events':>8}",
    ]
    lines += [f"  {f.name:<{width}}  {f.users:>8}  {_known(f.events):>8}" for f in summary.features]
    return lines


def _known(events: int | None) -> str:
    return "-" if events is None else str(events)


def _spark(values: list[int]) -> str:
    top = max(values, default=0)
    if not top:
        return "-"
    return "".join(_SPARK[(len(_SPARK) - 1) * value // top] for value in values)
