"""The job under a real launchd: loaded, run, and gone. Needs a session on macOS."""

import json
import os
import subprocess
import sys

import pytest

from otumat_usage import _launchd, _task
from otumat_usage._sight import Sight

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(sys.platform != "darwin", reason="launchd is macOS's"),
]


def test_the_agent_is_loaded_runs_and_goes(odd, until):
    folder, python, script = odd
    task = _task.Task(str(folder), str(python), str(script), 17, (5, 17))
    assert task.name != "otumat-usage"  # never the job of the person who runs the tests
    try:
        assert _launchd.make(task)
        assert _launchd.look(task) is Sight.RIGHT
        label = f"gui/{os.getuid()}/{task.name}"
        subprocess.run(["launchctl", "kickstart", label], check=True)
        until((folder / "ran").exists)
        assert json.loads((folder / "ran").read_text())[1:] == [str(script), str(folder)]
    finally:
        _launchd.remove(task.name)

    assert _launchd.look(task) is Sight.MISSING
