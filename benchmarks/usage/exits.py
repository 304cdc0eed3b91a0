"""How much longer a program lives with one event to tell a host that hangs, output captured."""

# Prints tables and runs programs.
# ruff: noqa: ANN001, ANN201
import dataclasses
import statistics
import subprocess
import time

from contenders import filled
from home import table

PROGRAM = """
import os, sys, time
name = "evt-0-0-0"
{setup}
{call}
os.write(1, str(time.time()).encode())
"""


def run(bench, contenders, rounds):
    spent = {"no telemetry": []} | {one.name: [] for one in contenders}
    lines, lives = dict.fromkeys(spent, 0), dict.fromkeys(spent, 0.0)
    bare = dataclasses.replace(contenders[0], name="no telemetry", setup="", call="")
    for number in range(rounds):
        for one in (bare, *contenders):
            # Whose whole life takes seconds needs no more than two rounds.
            if number < 2 or lives[one.name] < 0.8:
                begun = time.monotonic()
                late, said = leave(bench, one)
                lives[one.name] = time.monotonic() - begun
                spent[one.name].append(late)
                lines[one.name] = max(lines[one.name], said)
    floor = spent["no telemetry"]
    rows = [
        (name, f"{(statistics.median(found) - statistics.median(floor)) * 1e3:.1f}",
         f"{(min(found) - min(floor)) * 1e3:.1f}", lines[name], len(found))
        for name, found in spent.items()
    ]  # fmt: skip
    header = ("", "ms later than without, median", "best", "lines on stderr", "rounds")
    table("Exit beside a host that hangs, output captured", header, rows)


def leave(bench, one):
    """Return the seconds from a program's last statement to its end, and how much it said."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "python": one.python}
    program = bench.start(filled(PROGRAM, one), **options)
    try:
        out, said = program.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        program.kill()
        out, said = program.communicate()
    return time.time() - float(out), said.count("\n")
