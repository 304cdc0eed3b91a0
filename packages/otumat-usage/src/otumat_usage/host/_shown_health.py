"""Show how far the figures can be trusted: losses, refusals, decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host._cells import CLOCK
from otumat_usage.host._charts import bars
from otumat_usage.host._exhibit import Exhibit

if TYPE_CHECKING:
    from otumat_usage.host._answers import Answers
    from otumat_usage.host._question import Question

__all__ = ["decisions", "health"]

_MEANING = {
    "uploads": "uploads taken",
    "rejected": "events that were refused, such as undeclared ones",
    CLOCK: "of these: dated ahead of this host or over 400 days back, by a wrong clock",
    "replayed": "events that came twice, counted once",
    "lost": "events that were numbered by a client and never came",
    "wire 1": "installs, not events: clients of otumat 0.3, which speak the old wire",
}


def health(answers: Answers, _asked: Question) -> Exhibit:
    """Show what was taken, refused, repeated, lost and dropped, ever; who speaks the old wire."""
    found = answers.health()
    if (old := answers.legacy()) is not None:
        found |= {"wire 1": old}
    return Exhibit(
        "health",
        "Data health, since the beginning",
        ("What", "Number", "Meaning"),
        [
            (name, number, _MEANING.get(name, "dropped by clients"))
            for name, number in found.items()
        ],
    )


def decisions(answers: Answers, _asked: Question) -> Exhibit:
    """Show how people decided on the consent page, ever."""
    found = answers.consents()
    whole = sum(found.values())
    items = [(name, n, f" · {100 * n / whole:.0f} %") for name, n in found.items() if whole]
    return Exhibit(
        "decisions",
        "Decisions on the consent page",
        ("Decision", "Number", "Share, %"),
        [(name, n, round(100 * n / whole, 1)) for name, n in found.items() if whole],
        lambda: bars("Decisions on the consent page", items, whole=whole),
        note="Who says no at the terminal never comes here, and is not counted.",
        empty="Nobody has been asked yet.",
    )
