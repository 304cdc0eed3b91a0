"""Measure otumat-sign beside the floor and its peers, in one run.

    nox -s bench -- sign [--scale small|full] [--rounds 10] [--site DIR] [--no-peers]

Three trees: real installed packages (20,000 files or more), 8 files of 128 MiB, 100,000 small
files. Every round runs every contender once in a fresh process, so that a slow moment of the
machine falls on all alike; one that needs over ten seconds runs in the first two rounds only.
Minimum and median are printed, and the minimum's ratio to the C
program that does nothing but walk, open, fstat, read, hash and close. The caches are warm.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import cold
import contenders
import tables
import trees

#: Seconds; a peer that needs more is run twice.
TOO_LONG = 10


def main() -> None:
    """Print the tables."""
    arguments = _arguments()
    scratch = Path(arguments.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    places = trees.make(scratch, arguments.scale, arguments.site)
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} processors, {arguments.algorithm}\n")
    for name in arguments.trees:
        tree = places[name]
        print(f"{name}: {tree}, {trees.count(tree)} files")
        found = contenders.all_for(tree, arguments.algorithm, scratch, peers=arguments.peers)
        times: dict[str, list[float]] = {contender.name: [] for contender in found}
        for contender in found:
            warm = contender()
            if warm > TOO_LONG:  # it counts: nothing that slow depends on the caches
                times[contender.name].append(warm)
        for number in range(arguments.rounds):
            for contender in found:
                if (
                    number == 0
                    or not times[contender.name]
                    or min(times[contender.name]) < TOO_LONG
                ):
                    times[contender.name].append(contender())
        tables.show(times, "s", 1)
        if name == "site":
            print(f"memory above Python: {contenders.memory(tree, arguments.algorithm):.1f} MiB\n")
    times = list(cold.measure(scratch, 2 * arguments.rounds + 1).items())
    for floor_and_ours in (times[:2], times[2:]):
        tables.show(dict(floor_and_ours), "ms", 1000)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", choices=trees.SCALES, default="full")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--algorithm", choices=["sha1", "sha256"], default="sha256")
    parser.add_argument("--site", help="a folder of installed packages")
    parser.add_argument("--trees", nargs="+", default=["site", "big", "small"])
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--scratch", default=str(Path(tempfile.gettempdir()) / "otumat-bench-sign"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
