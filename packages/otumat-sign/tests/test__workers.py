"""Whatever happens to the workers, the result is that of one process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from otumat_sign import RefusedPathError, _blobs, _workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no workers on Windows")


@pytest.fixture(name="paths")
def _paths(tmp_path):
    paths = []
    for number in range(120):
        path = tmp_path / f"{number:03}"
        path.write_bytes(b"%d" % number * number)
        paths.append(os.fsencode(path))
    return paths


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 7, 120])
def test_the_columns_are_the_same_in_the_same_order(paths, count, workers):
    algorithms = ["sha1", "sha256"]

    assert _workers.heads(paths[:count], algorithms, workers) == _blobs.heads(
        paths[:count], algorithms
    )


def test_the_longest_queue_fits_into_the_smallest_pipe():
    """A full pipe would block before anybody reads; POSIX promises 512 bytes, systems 4096."""
    numbers = _workers._queue(_workers._CHUNKS)
    try:
        assert list(_blobs.take(numbers)) == list(range(_workers._CHUNKS))
    finally:
        os.close(numbers)
    assert _workers._CHUNKS * 4 <= 4096


def test_what_a_worker_refuses_is_raised_here(paths, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    paths.insert(60, os.fsencode(tmp_path / "fifo"))

    with pytest.raises(RefusedPathError, match="fifo is a FIFO"):
        _workers.heads(paths, ["sha1"], 3)


@pytest.mark.parametrize("program", ["/bin/false", "/bin/cat", "/nowhere/python", ""])
def test_workers_that_cannot_work_are_done_without(paths, monkeypatch, program):
    """A program that fails, one that prints nonsense, one that does not exist, none."""
    monkeypatch.setattr(sys, "executable", program)

    assert _workers.heads(paths, ["sha1"], 3) == _blobs.heads(paths, ["sha1"])


def test_a_frozen_program_is_not_started_again(paths, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/bin/false")

    assert _workers.heads(paths, ["sha1"], 2) == _blobs.heads(paths, ["sha1"])


@pytest.mark.fault
def test_killed_workers_change_nothing(paths, seed):
    """Every child of this process is killed at a moment that the seed chooses."""
    import random
    import threading

    dice = random.Random(seed)
    expected = _blobs.heads(paths * 20, ["sha256"])
    stop = threading.Event()

    def kill():
        while not stop.wait(dice.random() * 0.02):
            found = subprocess.run(
                ["/bin/ps", "--ppid", str(os.getpid()), "-o", "pid=,args="],
                capture_output=True,
                text=True,
                check=False,
            ).stdout
            for line in found.splitlines():
                pid, _, arguments = line.strip().partition(" ")
                if "_blobs.serve" in arguments:
                    os.kill(int(pid), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for _ in range(5):
            assert _workers.heads(paths * 20, ["sha256"], 3) == expected
    finally:
        stop.set()
        killer.join()
