"""Every way to save, delete and touch a file: which of them is a run, and how often."""

import os
import sys

import pytest

from ._runs import the_change
from ._saves import replace

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the native source is Linux"),
]


def test_a_save_is_one_run_that_sees_it(watch, file):
    watching = watch(file)

    file.write_text("new\n")

    run = watching.run()
    assert (the_change(run), run["arguments"]) == ("modified", ["new"])
    assert watching.barrier() == []


def test_an_append_is_one_run(watch, file):
    watching = watch(file)

    with file.open("a") as stream:
        stream.write("more\n")

    assert watching.run()["arguments"] == ["old", "more"]
    assert watching.barrier() == []


def test_a_truncation_is_one_run(watch, file):
    watching = watch(file)

    os.truncate(file, 0)

    assert watching.run()["arguments"] == []
    assert watching.barrier() == []


def test_every_atomic_save_is_one_run(watch, file):
    watching = watch(file)

    for number in range(5):
        replace(file, f"{number}\n")
        assert watching.run()["arguments"] == [str(number)]

    assert watching.barrier() == []


def test_vims_backup_dance_is_one_run(watch, file):
    watching = watch(file)

    for number in range(2):
        backup = file.with_name("file.txt~")
        file.rename(backup)
        file.write_text(f"{number}\n")
        backup.unlink()

        run = watching.run()
        assert (the_change(run), run["arguments"]) == ("modified", [str(number)])

    assert watching.barrier() == []


def test_a_file_deleted_and_made_again_at_once_is_one_run(watch, file):
    watching = watch(file)

    for number in range(3):
        file.unlink()
        file.write_text(f"{number}\n")

        assert watching.run()["arguments"] == [str(number)]

    assert watching.barrier() == []


def test_a_deletion_is_told_and_so_is_the_return(watch, file):
    watching = watch(file)

    for number in range(2):
        file.unlink()
        run = watching.run()
        assert (the_change(run), run["arguments"]) == ("deleted", [])
        file.write_text(f"{number}\n")
        run = watching.run()
        assert (the_change(run), run["arguments"]) == ("created", [str(number)])

    assert watching.barrier() == []


def test_a_rewrite_of_the_same_size_in_the_same_second_is_a_run(watch, file):
    watching = watch(file)
    before = file.stat()

    file.write_text("new\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert watching.run()["arguments"] == ["new"]


def test_an_identical_rewrite_is_a_run(watch, file):
    watching = watch(file)

    file.write_text("old\n")

    assert watching.run()["arguments"] == ["old"]
    assert watching.barrier() == []


def test_an_identical_rewrite_is_none_by_content(watch, file):
    watching = watch(file, options=["--hash"])

    file.write_text("old\n")
    os.utime(file)

    assert watching.barrier() == []
    file.write_text("new\n")
    assert watching.run()["arguments"] == ["new"]


def test_a_touch_is_a_run(watch, file):
    watching = watch(file)

    os.utime(file)

    assert the_change(watching.run()) == "modified"
    assert watching.barrier() == []


def test_an_older_mtime_is_a_run(watch, file):
    watching = watch(file)

    os.utime(file, (1, 1))

    assert the_change(watching.run()) == "modified"


def test_neither_chmod_nor_a_read_nor_a_neighbour_is_a_run(watch, file):
    watching = watch(file)

    file.chmod(0o600)
    file.read_text()
    file.with_name("neighbour").write_text("x")
    with file.open("r+"):
        pass

    assert watching.barrier() == []
