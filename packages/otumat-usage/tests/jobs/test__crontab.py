"""The lines in a crontab, read back by cron's own rules and by sh."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otumat_usage import _crontab, _task
from otumat_usage._sight import Sight

CRONTAB = """
table = here / "table"
if words == ["-l"]:
    if not table.exists():
        sys.exit("no crontab for me")
    sys.stdout.buffer.write(table.read_bytes())
elif words == ["-"]:
    table.write_bytes(sys.stdin.buffer.read())
elif words == ["-r"]:
    table.unlink()
"""
MINE = b"# my own\nMAILTO=me\n\xff5 4 * * * echo 100\\% # END otumat-usage\n"


def _as_cron_reads(line):
    r"""Return the command of a line: after five fields, ``\%`` is a percent sign (crontab(5))."""
    command = line.split(" ", 5)[5]
    assert "%" not in command.replace("\\%", "")
    return command.replace("\\%", "%")


PATHS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1)


@given(PATHS)
def test_every_printable_path_arrives_as_one_word(path):
    task = _task.Task(f"/{path}", f"/{path}/python", f"/{path}.py", 7, (5, 17))

    assert shlex.split(_as_cron_reads(_crontab.line(task)))[4:] == list(task.argv)
    assert _crontab.line(task).startswith("7 5,17 * * * '/bin/sh' '-c' ")


def test_the_line_runs_the_program_and_says_nothing(odd):
    folder, python, script = odd
    task = _task.Task(str(folder), str(python), str(script), 7, (5,))
    script.write_text("import pathlib; print('noise'); pathlib.Path(__file__ + '.ran').touch()")
    command = _as_cron_reads(_crontab.line(task))

    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert (folder / "script.py.ran").exists()

    for gone in (script, python):
        gone.unlink()
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
        assert (done.stdout, done.stderr) == (b"", b"")


def test_the_other_lines_stay_byte_for_byte(task):
    table = _crontab.with_task(MINE, task)

    assert table.startswith(MINE)
    assert table.count(b"\n") == MINE.count(b"\n") + 3
    assert _crontab.with_task(table, task) == table
    assert _crontab.without(table, task.name) == MINE
    assert _crontab.without(MINE, task.name) == MINE


def test_a_table_without_a_last_newline_keeps_its_last_line(task):
    assert _crontab.with_task(b"1 1 * * * true", task).startswith(b"1 1 * * * true\n# BEGIN ")


def test_a_mark_that_lost_its_end_takes_nothing_with_it(task):
    begin = _crontab.with_task(b"", task).splitlines(keepends=True)[0]
    table = begin + MINE

    assert _crontab.without(table, task.name) == table
    assert _crontab.ours(table, task.name) == []


def test_the_task_of_another_data_folder_is_another(task):
    other = _task.Task("/other/folder", task.python, task.script, 1, (1,))
    table = _crontab.with_task(_crontab.with_task(b"", task), other)

    assert _crontab.without(table, other.name) == _crontab.with_task(b"", task)
    assert _crontab.without(table, task.name) == _crontab.with_task(b"", other)


@pytest.mark.service
def test_the_lines_are_made_read_back_and_removed(task, command):
    log = command("crontab", CRONTAB)
    table = log.parent / "table"
    table.write_bytes(MINE)
    assert _crontab.usable()
    assert _crontab.look(task) is Sight.MISSING

    assert _crontab.make(task)
    assert _crontab.look(task) is Sight.RIGHT
    changed = _task.Task(task.home, task.python, task.script, 8, (5, 17))
    assert _crontab.look(changed) is Sight.OTHER
    assert _crontab.make(changed)
    assert _crontab.look(changed) is Sight.RIGHT

    table.write_bytes(table.read_bytes().replace(b"\n8 5", b"\n# 8 5"))
    assert _crontab.look(changed) is Sight.DISABLED

    _crontab.remove(task.name)
    assert table.read_bytes() == MINE


def test_a_crontab_of_nothing_else_goes_as_a_whole(task, command):
    table = command("crontab", CRONTAB).parent / "table"

    assert _crontab.make(task)
    _crontab.remove(task.name)

    assert not table.exists()
    _crontab.remove(task.name)


@pytest.mark.parametrize("body", ["sys.exit('you are not allowed to use this program')",
                                  "sys.exit('cannot read: disk error')"])  # fmt: skip
def test_a_crontab_that_cannot_be_read_is_never_replaced(task, command, body):
    log = command("crontab", body)

    assert not _crontab.usable()
    assert not _crontab.make(task)
    assert '["-"]' not in log.read_text()


def test_a_line_longer_than_cron_reads_is_refused(task, command):
    command("crontab", CRONTAB)
    long = _task.Task("/" + "x" * 1000, task.python, task.script, 1, (1,))

    assert not _crontab.make(long)
