"""Count what the host does, as Prometheus reads it: numbers of the process, never of a person.

Text format 0.0.4 (prometheus.io, "Exposition formats"). No label holds a package, an
install or an address: a label is one of a few words that are known beforehand.
"""

from __future__ import annotations

import bisect
import os
import threading
import time

__all__ = ["MEDIA_TYPE", "Counter", "Histogram", "Metrics"]

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Upper bounds of the buckets of request durations, in seconds.
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counter:
    """A number by labels that only grows."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.name, self.text, self.labels = name, text, labels
        self._lock = threading.Lock()
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}

    def add(self, *values: str, by: float = 1.0) -> None:
        """Add *by* to the number of these label values."""
        with self._lock:
            self._values[values] = self._values.get(values, 0.0) + by

    def lines(self) -> list[str]:
        """Return the counter in the text format."""
        with self._lock:
            rows = sorted(self._values.items())
        head = _head(self.name, self.text, "counter")
        return head + [f"{self.name}{_labels(self.labels, key)} {_plain(n)}" for key, n in rows]


class Histogram:
    """How long something took, in seconds, by one label."""

    def __init__(self, name: str, text: str, label: str) -> None:
        self.name, self.text, self.label = name, text, label
        self._lock = threading.Lock()
        self._values: dict[str, tuple[list[int], float]] = {}

    def observe(self, value: str, seconds: float) -> None:
        """Note one duration."""
        with self._lock:
            counts, total = self._values.get(value) or ([0] * (len(_BOUNDS) + 1), 0.0)
            counts[bisect.bisect_left(_BOUNDS, seconds)] += 1
            self._values[value] = (counts, total + seconds)

    def lines(self) -> list[str]:
        """Return the histogram in the text format: cumulative buckets, sum and count."""
        with self._lock:
            rows = sorted((v, list(counts), total) for v, (counts, total) in self._values.items())
        found = _head(self.name, self.text, "histogram")
        for value, counts, total in rows:
            below = 0
            for bound, count in zip((*_BOUNDS, "+Inf"), counts, strict=True):
                below += count
                key = _labels((self.label, "le"), (value, str(bound)))
                found.append(f"{self.name}_bucket{key} {below}")
            key = _labels((self.label,), (value,))
            found += [f"{self.name}_sum{key} {total!r}", f"{self.name}_count{key} {below}"]
        return found


class Metrics:
    """Every number of one process."""

    def __init__(self) -> None:
        self.requests = Counter(
            "otumat_http_requests_total", "Answers by route and status.", "route", "status"
        )
        self.seconds = Histogram(
            "otumat_http_request_duration_seconds", "From request to answer, by route.", "route"
        )
        self.rows = Counter(
            "otumat_rows_total", "Rows of uploads: accepted, rejected or sent again.", "outcome"
        )
        self.uploads = Counter("otumat_uploads_total", "Uploads: new or sent again.", "kind")
        self.grants = Counter(
            "otumat_grants_total", "Answers of the token endpoint, by grant and error.",
            "grant", "outcome",
        )  # fmt: skip
        self.decisions = Counter(
            "otumat_consent_decisions_total", "Answers on the consent page.", "decision"
        )
        self._started = time.time()

    def text(self, *, waiting: int) -> str:
        """Return all of them in the text format; *waiting* is the length of the write queue."""
        lines: list[str] = []
        for each in (
            self.requests, self.seconds, self.rows, self.uploads, self.grants, self.decisions,
        ):  # fmt: skip
            lines += each.lines()
        lines += _gauge("otumat_writes_waiting", "Writes that wait for a commit.", waiting)
        about = "When the process started, in seconds since 1970."
        lines += _gauge("process_start_time_seconds", about, round(self._started, 3))
        memory = _resident()
        if memory is not None:
            lines += _gauge("process_resident_memory_bytes", "Resident memory.", memory)
        return "\n".join(lines) + "\n"


def _head(name: str, text: str, kind: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _gauge(name: str, text: str, value: float) -> list[str]:
    return [*_head(name, text, "gauge"), f"{name} {value}"]


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = ",".join(f'{n}="{_escaped(v)}"' for n, v in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _plain(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)


def _resident() -> int | None:
    """Return the resident memory in bytes where /proc tells it, else None."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - no path to join
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
