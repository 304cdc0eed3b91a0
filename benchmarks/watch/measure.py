"""What is measured: saves, and what the probe's log says of the runs they caused."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

#: Seconds after which a change counts as lost.
PATIENCE = 6.0
#: Seconds after which a row has been measured often enough; some need a second for each save.
ENOUGH = 30.0
TICK = os.sysconf("SC_CLK_TCK")


class Save(NamedTuple):
    """One save, in ns of the monotonic clock; `end` is taken after the last system call."""

    number: int
    begin: int
    end: int


class Place:
    """The watched file, the log of the probe, and the ways to save."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "file"
        self.log = folder.parent / f"{folder.name}.log"
        self.number = 0
        self._beside = folder.parent / f"{folder.name}.beside"
        self._open: int | None = None
        self.file.write_text("0\n")

    def environment(self) -> dict[str, str]:
        """Return what the probe needs."""
        return {**os.environ, "PROBE_LOG": str(self.log), "PROBE_FILE": str(self.file)}

    def runs(self) -> list[tuple[int, int]]:
        """Return (first instruction in ns, number seen) of every run."""
        try:
            text = self.log.read_text()
        except FileNotFoundError:
            return []
        return [(int(ns), int(seen)) for ns, seen in map(str.split, text.splitlines())]

    def save(self, way: str) -> Save:
        """Save the next number by `close`, `rename` or `open` (kept open)."""
        self.number += 1
        content = b"%d\n" % self.number
        begin = time.monotonic_ns()
        if way == "open":
            if self._open is None:
                self._open = os.open(self.file, os.O_WRONLY)
            os.pwrite(self._open, content, 0)
            return Save(self.number, begin, time.monotonic_ns())
        path = self.file if way == "close" else self._beside
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(descriptor, content)
        os.close(descriptor)
        if way == "rename":
            os.rename(path, self.file)  # noqa: PTH104 -- nothing between the call and the clock
        return Save(self.number, begin, time.monotonic_ns())

    def close(self) -> None:
        """End a save that keeps the file open."""
        if self._open is not None:
            os.close(self._open)
            self._open = None

    def answer(self, save: Save, patience: float = PATIENCE) -> int | None:
        """Return the ns of the first run that saw *save*; None if none comes."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for ns, seen in self.runs():
                if seen >= save.number:
                    return ns
            time.sleep(0.0005)
        return None


class Running:
    """A tool that runs, with all its processes."""

    def __init__(self, argv: list[str], place: Place, stdin: str = "") -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the tool
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            argv,
            env=place.environment(),
            cwd=place.file.parent.parent,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )
        if stdin and self.process.stdin:
            self.process.stdin.write(stdin.encode())
            self.process.stdin.close()

    def __enter__(self) -> Running:  # noqa: PYI034 -- a plain program
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._output.close()

    def printed(self) -> str:
        """Return what the tool has printed."""
        return os.pread(self._output.fileno(), 4096, 0).decode(errors="replace")

    def tree(self) -> list[int]:
        """Return the ids of the tool's processes."""
        found = []
        for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 -- names
            try:
                stat = Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[3]) == self.process.pid:
                found.append(int(name))
        return found

    def status(self, field: str) -> int:
        """Return the sum of a number in /proc/PID/task/*/status over all threads or processes."""
        total = 0
        for pid in self.tree():
            for path in Path(f"/proc/{pid}").glob(
                "status" if field == "VmRSS" else "task/*/status"
            ):
                for line in path.read_text().splitlines():
                    if line.startswith(f"{field}:"):
                        total += int(line.split()[1])
        return total


def arm(running: Running, place: Place, save: Callable[[], Save]) -> float | None:
    """Return the seconds from the start to the first save that was answered."""
    saves: list[Save] = []
    while time.monotonic() < running.begin + 90:
        saves.append(save())
        if saves[-1].number > 400:
            time.sleep(0.1)
        if place.answer(saves[-1], 0.003) is not None:
            first = next(ns for ns, seen in place.runs() if seen > 0)
            answered = [each for each in saves if each.end <= first]
            return answered[-1].begin / 1e9 - running.begin if answered else 0.0
    return None


def calm(place: Place) -> None:
    """Wait until no run has begun for a while."""
    before = -1
    while len(place.runs()) != before:
        before = len(place.runs())
        time.sleep(0.7)


def latency(place: Place, way: str, count: int) -> tuple[list[float], int]:
    """Return the ms from a save's end to the first instruction, and how many were lost."""
    chance = random.Random(count)
    found, lost, begin = [], 0, time.monotonic()
    for _ in range(count):
        if time.monotonic() > begin + ENOUGH:
            break
        save = place.save(way)
        answered = place.answer(save)
        if answered is None:
            lost += 1
            if lost >= 5:
                break
        else:
            found.append((answered - save.end) / 1e6)
        time.sleep(0.02 + chance.random() * 0.02)
    place.close()
    return found, lost


def storm(place: Place, count: int, seed: int) -> tuple[int, int, int]:
    """Save *count* times at random moments; return (runs, lost saves, superfluous runs).

    A save is answered by a run that saw it within a second. A run is superfluous if no save was
    under way between the previous run's first instruction and its own.
    """
    chance = random.Random(seed)
    skipped = len(place.runs())
    saves = []
    for _ in range(count):
        saves.append(place.save(chance.choice(("close", "rename"))))
        end = time.monotonic() + chance.expovariate(1 / 0.003)
        while (left := end - time.monotonic()) > 0:
            if left > 0.001:
                time.sleep(left - 0.0005)
    calm(place)
    return judge(saves, place.runs()[skipped:])


def judge(saves: list[Save], runs: list[tuple[int, int]]) -> tuple[int, int, int]:
    """Return (runs, lost saves, superfluous runs); see `storm`."""
    lost, at = 0, 0
    for save in saves:
        while at < len(runs) and (runs[at][1] < save.number or runs[at][0] < save.begin):
            at += 1
        if at == len(runs) or runs[at][0] > save.end + 1_000_000_000:
            lost += 1
    superfluous, at, before = 0, 0, 0
    for start, _ in runs:
        while at < len(saves) and saves[at].end <= before:
            at += 1
        superfluous += at == len(saves) or saves[at].begin > start
        before = start
    return len(runs), lost, superfluous


def idle(running: Running, seconds: float) -> tuple[float, float]:
    """Return wakeups per second and CPU milliseconds per second, with nothing to do."""
    before = running.status("voluntary_ctxt_switches"), _cpu(running)
    time.sleep(seconds)
    after = running.status("voluntary_ctxt_switches"), _cpu(running)
    return (after[0] - before[0]) / seconds, (after[1] - before[1]) * 1000 / TICK / seconds


def _cpu(running: Running) -> int:
    ticks = 0
    for pid in running.tree():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks


def own_storm(argv: list[str], place: Place, count: int, seed: int) -> tuple[int, int, int]:
    """Judge ours by its own word for when a run started; return as `storm` does.

    `started` is taken before the last look for changes: what ended before it, the run has seen.
    """
    with subprocess.Popen(
        [*argv, "--json"],
        env=place.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        stream = process.stdout
        assert stream is not None
        stream.readline()
        shift = time.time_ns() - time.monotonic_ns()
        chance = random.Random(seed)
        saves: list[Save] = []
        starts: list[int] = []
        left = b""
        while len(saves) < count or select.select([stream], [], [], 1.0)[0]:
            if len(saves) < count:
                saves.append(place.save(chance.choice(("close", "rename"))))
                time.sleep(chance.expovariate(1 / 0.003))
            while select.select([stream], [], [], 0)[0]:
                *lines, left = (left + os.read(stream.fileno(), 65536)).split(b"\n")
                events = [json.loads(line) for line in lines]
                starts += [
                    int(each["started"] * 1e9) - shift for each in events if each["event"] == "run"
                ]
        process.terminate()
    seen = [ns for ns, _ in place.runs()]
    return judge(saves, [(start, count) for start in starts]) if seen else (0, count, 0)
