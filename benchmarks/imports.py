"""Measure what a cold import adds to a fresh interpreter, beside `import sqlite3` in one run.

    nox -s bench -- imports [--rounds 41]

The rounds are interleaved, so that a slow moment of the machine falls on every row alike; the
median of the time between the first and the last line of the program is printed, in milliseconds,
and its ratio to the floor's. Starting the interpreter is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile

FLOOR = "import sqlite3"
AGENT = (
    "from otumat_usage import UsageAgent\n"
    "agent = UsageAgent(author='A', data_directory='d', package_name='cold_package',"
    " host='http://127.0.0.1:1')\n"
    "agent.log(event_type='import')"
)
PROGRAMS = {
    FLOOR: FLOOR,
    "import otumat": "import otumat",
    "import otumat_usage": "import otumat_usage",
    "import otumat_usage, agent, log(): nobody asked": AGENT,
    "import otumat_usage, agent, log(): OTUMAT_USAGE=off": (
        "import os; os.environ['OTUMAT_USAGE'] = 'off'\n" + AGENT
    ),
    "import otumat_watch": "import otumat_watch",
    "import otumat_sign": "import otumat_sign",
}


def milliseconds(program: str, home: str) -> float:
    """Return how long *program* takes in a fresh, isolated interpreter that owns its home."""
    timed = (
        f"import time; begin = time.perf_counter_ns()\n{program}\n"
        "end = time.perf_counter_ns(); import sys; sys.stdout.write(str((end - begin) / 1e6))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", timed],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={"HOME": home, "PATH": "/usr/bin:/bin"},
    )
    return float(done.stdout)


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=41, help="counted runs of each (default 41)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        for program in PROGRAMS.values():  # warm the byte code and the page cache
            milliseconds(program, home)
        times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        for _ in range(rounds):
            for name, program in PROGRAMS.items():
                times[name].append(milliseconds(program, home))
    floor = statistics.median(times[FLOOR])
    print(f"Python {sys.version.split()[0]}, {rounds} rounds\n")
    print(f"| {'program':52} | median ms | min ms | x floor |")
    print(f"| {'-' * 52} | --------: | -----: | ------: |")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name:52} | {median:9.2f} | {min(values):6.2f} | {median / floor:7.2f} |")


main()
