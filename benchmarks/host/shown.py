"""Show what a benchmark of the host found: a table with its bars, or JSON for machines."""

from __future__ import annotations

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number, and what it may be at most or must be at least; None where there is no bar."""

    name: str
    value: float
    most: float | None = None
    least: float | None = None

    @property
    def verdict(self) -> str:
        """What is wrong with it, "" where nothing is."""
        if self.most is not None and self.value > self.most:
            return "OVER"
        return "UNDER" if self.least is not None and self.value < self.least else ""

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.most is not None:
            return f"<= {_plain(self.most)}"
        return "" if self.least is None else f">= {_plain(self.least)}"


def show(figures: list[Figure], *, as_json: bool) -> bool:
    """Print them; say whether all keep to their bars."""
    if as_json:
        found = {
            each.name: {"value": each.value, "bar": each.bar or None, "good": not each.verdict}
            for each in figures
        }
        print(json.dumps(found, indent=2))
    else:
        wide = max(len(each.name) for each in figures)
        print(f"{'':{wide}}{'figure':>12}{'bar':>12}")
        for each in figures:
            line = f"{each.name:{wide}}{_plain(each.value):>12}{each.bar:>12}  {each.verdict}"
            print(line.rstrip())
    return not any(each.verdict for each in figures)


def _plain(number: float) -> str:
    """Write a number as people read it: three figures, thousands apart."""
    if number >= 100 or number == int(number):
        return f"{number:,.0f}".replace(",", " ")
    return f"{number:.3g}"
