"""What the job runs: silent, isolated, found by its path, and at an end when nothing is left."""

import os
import subprocess
import sys

import pytest

from otumat_usage import _task

pytestmark = pytest.mark.service


@pytest.fixture(name="job")
def _job(tmp_path):
    """Run the program as a scheduler does."""

    def run(*words, flags=("-I",), **env):
        done = subprocess.run(
            [sys.executable, *flags, _task.script(), *words],
            cwd=tmp_path,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("", "")
        return done.returncode

    return run


def test_it_finds_its_package_alone_and_beside_what_a_folder_may_hold(job, tmp_path):
    """Isolated or not, neither the current folder nor PYTHONPATH stands in for a module."""
    for name in ("json.py", "exceptions.py", "subprocess.py"):
        tmp_path.joinpath(name).write_text("raise SystemExit(7)")

    assert job("--probe") == 0
    assert job("--probe", flags=()) == 0
    assert job("--probe", PYTHONPATH=str(tmp_path)) == 0


def test_a_removed_data_folder_or_one_of_somebody_else_is_an_end(job, data):
    assert job(str(data)) == 0
    assert not data.exists()
    assert job("/") == 0


def test_without_a_yes_the_pass_leaves_nothing_behind(job, data):
    data.mkdir(parents=True, mode=0o700)
    (data / "job").touch()

    assert job("--late", str(data)) == 0
    assert list(data.iterdir()) == []


@pytest.mark.usefixtures("agreed")
def test_a_pass_notes_that_it_ran(job, data):
    from otumat_usage import _settings

    config = {"author": "a", "data_directory": "d", "package_name": "p",
              "host": "https://x.example", "upload_frequency": "2h"}  # fmt: skip
    _settings.save(str(data), config, None)

    assert job(str(data)) == 0
    task, scheduler = _task.kept(str(data))
    assert (task.period, scheduler) == (7200, "detached")


@pytest.mark.usefixtures("agreed")
def test_a_broken_store_is_passed_over_in_silence(job, data):
    (data / "outbox.db").mkdir()

    assert job(str(data)) == 0
