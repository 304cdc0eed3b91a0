"""The job under a real cron: it fires, delivers, spares the other lines, and goes without trace."""

import json

import pytest

pytestmark = [pytest.mark.cron, pytest.mark.timeout(240)]

OTHERS = "# mine\nSHELL=/bin/sh\n0 0 1 1 * echo 100\\% 'mine' # BEGIN otumat-usage\n"

#: Rewrites the lines of a task so that they run in the coming minutes, whatever the hour.
SOON = """
import dataclasses, sys, time
from otumat_usage import _crontab, _home, _task
if sys.argv[1:]:
    task = _task.Task(*sys.argv[1:], 0, (0,))
else:
    task, scheduler = _task.kept(_home.folder())
    assert scheduler == "crontab", scheduler
soon = time.localtime(time.time() + 65).tm_min
task = dataclasses.replace(task, minute=soon, hours=tuple(range(24)))
print(_crontab.make(task), _crontab.look(task).value, task.name)
"""


@pytest.fixture(name="crond")
def _crond(machine, need):
    need("cron|crond", "crontab")
    machine.run("crontab", "-", feed=OTHERS)
    return machine.start("sh", "-c", "exec $(command -v cron || command -v crond) -f")


def test_cron_runs_the_uploader_which_delivers_and_every_path_arrives(machine, crond, agree, odd,
                                                                      until):  # fmt: skip
    agree()
    assert "crontab lines of otumat-usage, every 12 hours" in machine.console("status")
    assert machine.run("crontab", "-l").startswith(OTHERS)
    folder, python, script = odd
    machine.python("import tracked; tracked.usage_agent.log(event_type='count')")

    assert machine.python(SOON).split()[:2] == ["True", "right"]
    made = machine.python(SOON, str(folder), str(python), str(script)).split()
    assert made[:2] == ["True", "right"]

    until((folder / "ran").exists, 130)
    assert json.loads((folder / "ran").read_text()) == [str(python), str(script), str(folder)]
    until(
        lambda: sum(row["accepted"] for row in json.loads(machine.console("sent", "--json"))) == 3
    )
    assert crond.poll() is None

    machine.python("import sys; from otumat_usage import _crontab; _crontab.remove(sys.argv[1])",
                   made[2])  # fmt: skip
    machine.console("off", "tracked")
    assert machine.run("crontab", "-l") == OTHERS
    assert "no background job" in machine.console("status")


def test_a_crontab_of_nothing_else_goes_with_the_job(machine, agree, need):
    need("crontab")
    agree()
    table = machine.run("crontab", "-l")
    assert table.count("\n") == 3

    # Commented out by hand: that is a no, and stays one.
    machine.run("crontab", "-", feed="\n".join(f"# {x}" if x[0] != "#" else x
                                               for x in table.splitlines()) + "\n")  # fmt: skip
    assert "switched off by hand" in machine.console("status")
    machine.python("""
        from otumat_usage import _background, _home
        _background.main(["--late", _home.folder()])
    """)
    assert json.loads(machine.console("sent", "--json")) == []

    machine.console("off", "tracked")
    machine.run("crontab", "-l", code=1)


@pytest.mark.parametrize("gone", ["python3", "script.py"])
def test_what_has_vanished_leaves_no_noise(machine, odd, gone):
    folder, python, script = odd
    (folder / gone).unlink()
    line = machine.python(
        "import sys; from otumat_usage import _crontab, _task\n"
        "print(_crontab.line(_task.Task(*sys.argv[1:], 0, (0,))))",
        str(folder), str(python), str(script),
    )  # fmt: skip
    command = line.strip().split(" ", 5)[5].replace("\\%", "%")

    assert machine.run("sh", "-c", command + " 2>&1") == ""
    assert not (folder / "ran").exists()
