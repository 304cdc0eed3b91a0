"""Make an answer fit for the public: no number that could point at a person.

Every public format comes through here. A value of fewer than `LEAST` users is left
out; when only one value is left out, so is the next smallest, because the difference
to a known total would tell it. All other numbers of users are rounded down to a
multiple of `LEAST`, so that two reports do not tell who came between them. Events are
left out: a heavy user shows in them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from otumat_usage.host._charts import bars, lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otumat_usage.host._exhibit import Cell, Exhibit

__all__ = ["LEAST", "PUBLIC", "public", "rounded"]

#: How many users a number must stand for at least (k of k-anonymity).
LEAST = 10
#: The answers that have a public form.
PUBLIC = ("actives", "features", "versions", "python", "os")


def rounded(users: int | None) -> int | None:
    """Return *users* rounded down to a multiple of `LEAST`, None for fewer than that."""
    return None if users is None or users < LEAST else users // LEAST * LEAST


def public(exhibit: Exhibit) -> Exhibit:
    """Return the public form of one of the answers in `PUBLIC`."""
    if exhibit.name not in PUBLIC:
        raise ValueError(f"{exhibit.name!r} has no public form; {', '.join(PUBLIC)} have")
    return _series(exhibit) if exhibit.name == "actives" else _breakdown(exhibit)


def _breakdown(exhibit: Exhibit) -> Exhibit:
    """Keep names and rounded users, most users first."""
    counted = sorted(
        ((str(row[0]), int(row[1] or 0)) for row in exhibit.rows), key=lambda row: (-row[1], row[0])
    )
    counted = [row for row in counted if row[1]]
    kept = [row for row in counted if row[1] >= LEAST]
    if len(counted) - len(kept) == 1 and kept:
        kept.pop()
    rows = sorted(
        ((name, rounded(users)) for name, users in kept), key=lambda r: (-(r[1] or 0), r[0])
    )
    items = [(name, users or 0, "+") for name, users in rows[:12]]
    return dataclasses.replace(
        exhibit,
        heads=(exhibit.heads[0], "Users, at least"),
        rows=rows,
        plot=lambda: bars(exhibit.title, items),
        note=f"Rounded down to tens; what fewer than {LEAST} people use is left out.",
        empty=f"Fewer than {LEAST} users of anything in these days.",
        dimension="",
    )


def _series(exhibit: Exhibit) -> Exhibit:
    """Keep days and rounded users."""
    heads = exhibit.heads[:-1]
    rows: list[tuple[Cell, ...]] = [
        (row[0], *(rounded(cell if isinstance(cell, int) else None) for cell in row[1:-1]))
        for row in exhibit.rows
    ]
    days = [str(row[0]) for row in rows[::-1]]

    def column(place: int) -> Sequence[int | None]:
        return [cell if isinstance(cell := row[place], int) else None for row in rows[::-1]]

    series = [(head, column(place)) for place, head in enumerate(heads) if place]
    return dataclasses.replace(
        exhibit,
        heads=heads,
        rows=rows if any(cell is not None for row in rows for cell in row[1:]) else [],
        plot=lambda: lines(exhibit.title, days, series),
        note=f"Rounded down to tens; nothing where there were fewer than {LEAST} users.",
        empty=f"Fewer than {LEAST} users in these days.",
    )
