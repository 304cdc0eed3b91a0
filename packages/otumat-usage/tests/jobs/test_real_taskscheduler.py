"""The job under a real Task Scheduler: registered, run, and gone. Needs Windows."""

import json
import subprocess
import sys

import pytest

from otumat_usage import _task, _taskscheduler
from otumat_usage._sight import Sight

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(sys.platform != "win32", reason="the Task Scheduler is Windows'"),
]


def test_the_task_is_registered_runs_and_goes(tmp_path, until):
    folder = tmp_path / "a b" / "it's & é"
    folder.mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(
        "import json, pathlib, sys\n"
        "pathlib.Path(__file__).with_name('ran').write_text(json.dumps(sys.argv))\n"
    )
    python = _task.interpreter()
    assert python is not None
    task = _task.Task(str(folder), python, str(script), 17, (5, 17))
    assert task.name != "otumat-usage"  # never the job of the person who runs the tests
    try:
        assert _taskscheduler.make(task)
        assert _taskscheduler.look(task) is Sight.RIGHT
        title = _taskscheduler.title(task.name)
        subprocess.run(["schtasks", "/Run", "/TN", title], check=True)
        until((folder / "ran").exists)
        assert json.loads((folder / "ran").read_text()) == [str(script), str(folder)]
    finally:
        _taskscheduler.remove(task.name)

    assert _taskscheduler.look(task) is Sight.MISSING
