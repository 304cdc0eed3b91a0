"""Hold one answer as a table and a plot, and write it as CSV, JSON or SVG."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import TYPE_CHECKING

from otumat_usage.host._svg import standalone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otumat_usage.host._svg import Markup

__all__ = ["Cell", "Exhibit", "as_csv", "as_json", "as_svg", "dump", "keys", "write"]

Cell = str | int | float | None
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclasses.dataclass(frozen=True, slots=True)
class Exhibit:
    """One answer.

    Attributes:
        name: What it is called in addresses and on the command line.
        title: What it is called on the page.
        heads: The table's columns; the first names the row.
        rows: The table; a number that is not known is None.
        plot: Draws it; None for what is only a table.
        note: What a reader must know to read it right.
        dimension: The dimension of the rows' names, which a filter may then ask for.
        empty: Said instead of the plot when there are no rows, or only zeros.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    plot: Callable[[], Markup] | None = None
    note: str = ""
    dimension: str = ""
    empty: str = "Nothing in these days."

    @property
    def blank(self) -> bool:
        """Whether the plot would have nothing in it: there is no number but zero."""
        numbers = (cell for row in self.rows for cell in row[1:] if not isinstance(cell, str))
        return self.plot is not None and not any(numbers)


def as_csv(exhibit: Exhibit) -> str:
    """Return the table as RFC 4180 has it; no cell can start a spreadsheet's formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([_harmless(head) for head in exhibit.heads])
    writer.writerows([_harmless(cell) for cell in row] for row in exhibit.rows)
    return file.getvalue()


def as_json(exhibit: Exhibit) -> dict[str, object]:
    """Return the table as rows of cells, named by `keys`."""
    named = keys(exhibit)
    return {
        "name": exhibit.name,
        "title": exhibit.title,
        "rows": [dict(zip(named, row, strict=True)) for row in exhibit.rows],
    }


def keys(exhibit: Exhibit) -> list[str]:
    """Return the columns' heads; one that comes again, a version called "Feature", is numbered."""
    found: dict[str, None] = {}
    for head in exhibit.heads:
        name, number = head, 1
        while name in found or (number > 1 and name in exhibit.heads):
            number += 1
            name = f"{head} ({number})"
        found[name] = None
    return list(found)


def as_svg(exhibit: Exhibit) -> str | None:
    """Return the plot as a file of its own, None for what is only a table."""
    return None if exhibit.plot is None else standalone(exhibit.plot())


def write(exhibit: Exhibit, kind: str) -> str | None:
    """Return *exhibit* as csv, json or svg; None where it has no plot."""
    if kind == "csv":
        return as_csv(exhibit)
    return dump(as_json(exhibit)) if kind == "json" else as_svg(exhibit)


def dump(value: object) -> str:
    """Return *value* as JSON for people and programs."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
