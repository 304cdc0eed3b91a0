"""The watcher beside its floors and peers, all in one run.

nox -s bench -- watch                     everything, some 12 minutes on a quiet machine
nox -s bench -- watch --quick             few repetitions, no tree
nox -s bench -- watch --only entr         rows whose name has this word; may be repeated
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measure
import tools


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--saves", type=int, default=10_000)
    parser.add_argument("--peer-saves", type=int, default=2_000)
    parser.add_argument("--no-tree", action="store_true")
    parser.add_argument("--only-tree", action="store_true")
    options = parser.parse_args()
    count, idle = (30, 5) if options.quick else (200, 10)
    saves, peers = (500, 500) if options.quick else (options.saves, options.peer_saves)
    # In memory where that can be had: a rename on a disk returns long after everybody has seen it.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(dir=memory) as watched,
        tempfile.TemporaryDirectory() as programs,
    ):
        scratch = Path(watched)
        file, root = scratch / "one" / "file", scratch / "tree"
        listed = tools.tools(Path(programs), file, root, only=options.only)
        starts()
        if not options.only_tree:
            one_file(listed, scratch, count, idle, {True: saves, False: peers})
            own_words(listed, scratch, saves)
        if not (options.quick or options.no_tree):
            tree(listed, scratch, root)


def starts() -> None:
    """Print what a process costs that has imported click, and one that read entry points too."""
    print(f"\nload {os.getloadavg()[0]:.2f}, Python {sys.version.split()[0]}, {os.uname().release}")
    print("\n| a process that | s | RSS MiB |\n| --- | --- | --- |")
    entry = "import importlib.metadata as m; list(m.entry_points(group='otumat.commands'))"
    for name, code in (("imports click", "import click"), ("and reads entry points", entry)):
        text = f"import click; {code}; print(open('/proc/self/statm').read().split()[1])"
        seconds, pages = [], 0
        for _ in range(9):
            begin = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", text], capture_output=True, text=True, check=True
            )
            seconds.append(time.monotonic() - begin)
            pages = int(done.stdout)
        rss = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        print(f"| {name} | {statistics.median(seconds):.3f} | {rss:.1f} |", flush=True)


def fresh(scratch: Path) -> measure.Place:
    """Return the place of one tool, empty."""
    for path in scratch.glob("one*/*"):
        path.unlink()
    (scratch / "one.log").unlink(missing_ok=True)
    return measure.Place(scratch / "one")


def one_file(
    listed: list[tools.Tool], scratch: Path, count: int, idle: int, all_saves: dict[bool, int]
) -> None:
    """Print the table of one file; *all_saves* holds how many saves for ours and for the others."""
    print(
        "\n| one file | close p50/p95 ms | rename p50/p95 ms | kept open p50 ms | armed s "
        "| idle wakeups/s | CPU ms/s | RSS MiB | saves: runs, lost, superfluous |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for tool in filter(lambda tool: tool.one, listed):
        place, saves = fresh(scratch), all_saves[tool.name.startswith("otumat-watch")]
        with measure.Running(tool.one or [], place, tool.stdin) as running:
            armed = measure.arm(running, place, lambda place=place: place.save("close"))
            if armed is None:
                print(f"| {tool.name} | never answered |", flush=True)
                continue
            measure.calm(place)
            cells = [quantiles(*measure.latency(place, way, count)) for way in ("close", "rename")]
            opened, lost = measure.latency(place, "open", max(10, count // 10))
            cells.append(
                f"{statistics.median(opened):.1f}" if opened else f"not seen ({lost} lost)"
            )
            measure.calm(place)
            wakeups, cpu = measure.idle(running, idle)
            rss = running.status("VmRSS") / 1024
            runs, lost, superfluous = measure.storm(place, saves, seed=saves)
        cells += [
            f"{arm_again(tool, scratch):.3f}",
            f"{wakeups:.1f}",
            f"{cpu:.1f}",
            f"{rss:.1f}",
            f"{saves}: {runs}, {lost}, {superfluous}",
        ]
        print(f"| {tool.name} | {' | '.join(cells)} |", flush=True)


def arm_again(tool: tools.Tool, scratch: Path) -> float:
    """Return the median of three armings, each from a new start."""
    found = []
    for _ in range(3):
        place = fresh(scratch)
        with measure.Running(tool.one or [], place, tool.stdin) as running:
            found.append(
                measure.arm(running, place, lambda place=place: place.save("close")) or 99.0
            )
    return statistics.median(found)


def own_words(listed: list[tools.Tool], scratch: Path, saves: int) -> None:
    """Print ours once more, by its own word for when a run started."""
    for tool in listed:
        if tool.name == "otumat-watch":
            runs, lost, superfluous = measure.own_storm(
                tool.one or [], fresh(scratch), saves, seed=saves
            )
            print(
                f"\notumat-watch by `started` of --json: {saves} saves, {runs} runs, {lost} lost, "
                f"{superfluous} superfluous",
                flush=True,
            )


def tree(listed: list[tools.Tool], scratch: Path, root: Path) -> None:
    """Print the table of a tree of 50,000 files in 1,000 folders."""
    for folder in range(1000):
        (root / str(folder)).mkdir(parents=True)
        for number in range(50):
            os.close(os.open(f"{root}/{folder}/{number}", os.O_CREAT | os.O_WRONLY))
    names = "".join(f"{path}\n" for path in root.rglob("*") if path.is_file())
    print(
        "\n| tree of 50,000 files | armed s | RSS MiB | idle CPU ms/s | latency p50 ms |\n"
        "| --- | --- | --- | --- | --- |"
    )
    for tool in listed:
        if tool.tree is None:
            continue
        place = fresh(scratch)
        place.file = root / "500" / "25"
        place.file.write_text("0\n")
        with measure.Running(tool.tree, place, names if tool.stdin else "") as running:
            if "floor" in tool.name:
                while "ready" not in running.printed():
                    time.sleep(0.001)
                armed: float | None = time.monotonic() - running.begin
            else:
                armed = measure.arm(running, place, lambda place=place: place.save("close"))
            if armed is None:
                print(f"| {tool.name} | never answered |", flush=True)
                continue
            measure.calm(place)
            rss = running.status("VmRSS") / 1024
            _, cpu = measure.idle(running, 20)
            found = [] if "floor" in tool.name else measure.latency(place, "close", 20)[0]
            middle = f"{statistics.median(found):.2f}" if found else "-"
            print(f"| {tool.name} | {armed:.3f} | {rss:.1f} | {cpu:.1f} | {middle} |", flush=True)


def quantiles(found: list[float], lost: int) -> str:
    """Return the median and the 95th of 100, and what was lost."""
    if not found:
        return f"all {lost} lost"
    ordered = sorted(found)
    text = f"{statistics.median(ordered):.2f}/{ordered[int(len(ordered) * 0.95)]:.2f}"
    return f"{text} ({lost} lost)" if lost else text


if __name__ == "__main__":
    main()
