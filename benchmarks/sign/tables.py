"""A table of times: the least and the median, and how far they are above the first line."""

from __future__ import annotations

import statistics


def show(
    times: dict[str, list[float]], unit: str, factor: float, *, against: str = "floor"
) -> None:
    """Print the seconds of each contender times *factor*, *against* the first of them."""
    floor = min(next(iter(times.values())))
    print(f"| what | min {unit} | median {unit} | x {against} | above {against} |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, values in times.items():
        low, middle = min(values), statistics.median(values)
        print(
            f"| {name} | {low * factor:.3f} | {middle * factor:.3f} | {low / floor:.2f} |"
            f" {(low - floor) * factor:.3f} |"
        )
    print()
