#!/usr/bin/env python3
"""Tell how many lines a watched file gained or lost since the last look.

The state is two numbers: how many changes were seen, and the number of lines at the last one.
They arrive as arguments and leave as two lines on stdout; what a person reads goes to stderr.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Count the lines of the file that changed, compare, print the new state."""
    path = Path(os.environ["OTUMAT_WATCH_FILE"])
    changes, lines_before = (int(argument) for argument in sys.argv[1:] or ("0", "0"))
    try:
        with path.open("rb") as file:
            lines = sum(1 for _ in file)
    except FileNotFoundError:
        lines = 0
    changes += 1
    print(
        f"change {changes}: {path.name} has {lines} lines, "
        f"{lines - lines_before:+d} since the last look",
        file=sys.stderr,
    )
    print(changes)
    print(lines)


if __name__ == "__main__":
    main()
