"""Measure the client of otumat-usage beside floors and peers: `python benchmarks/usage`.

Peers that are installed (posthog, sentry-sdk, segment-analytics-python, migas) get a row, and so
does the archived otumat 0.3.1, in an environment of its own. Ratios of one run are what counts.
"""

# Prints tables and runs programs.
# ruff: noqa: ANN201
import argparse
import os
import shutil
import socket
import sys

import calls
import delivery
import exits
import imports
from contenders import OURS, PEERS, archived, present
from home import Bench


def found():
    """Return who can be measured, and the folder of the archived one."""
    contenders = [OURS]
    for one in PEERS:
        why = present(one)
        print(f"{one.name}: {why or 'installed'}")
        contenders += [] if why else [one]
    folder, old, why = archived()
    print(f"otumat 0.3.1: {why or 'installed in an environment of its own, with setuptools < 81'}")
    return contenders + ([old] if old else []), folder


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parts = ("imports", "calls", "delivery", "contention", "exits", "store")
    parser.add_argument("--only", choices=parts, action="append")
    options = parser.parse_args()
    wanted = options.only or parts
    # Accepts and never answers; where the host is to be down, nobody listens.
    tarpit = socket.create_server(("127.0.0.1", 0), backlog=1000)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    contenders, folder = found()
    down, hanging = (
        Bench("http://127.0.0.1:9"),
        Bench(f"http://127.0.0.1:{tarpit.getsockname()[1]}"),
    )
    if "imports" in wanted:
        imports.run(down, contenders, options.rounds)
    if "calls" in wanted:
        calls.run(down, contenders)
    if "delivery" in wanted:
        delivery.run(contenders)
    if "contention" in wanted:
        delivery.contention(contenders)
    if "exits" in wanted:
        exits.run(hanging, contenders, options.rounds)
    if "store" in wanted:
        delivery.store(contenders)
    down.end()
    hanging.end()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
