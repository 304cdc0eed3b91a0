"""Laws of the class of 0.3."""

import io
import threading
import time

import pytest

from otumat_watch import ScriptNotFoundError, WatchAgent


def test_the_0_3_call_runs_the_script_and_carries_the_state(tmp_path, make_script, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Not capsys: emptying its buffer here would drop what the other thread writes meanwhile.
    shown = io.StringIO()
    monkeypatch.setattr("sys.stdout", shown)
    script = make_script('#!/bin/sh\necho "$@" >> seen\necho $(($1 + 1))\n')
    stop = threading.Event()
    agent = WatchAgent(watch_file="f", watch_interval=5, watch_script=str(script), watch_args=["0"])
    thread = threading.Thread(target=agent.run, kwargs={"stop": stop})
    thread.start()
    try:
        for count, words in enumerate(("Watching f", "f created  exit 0", "f modified  exit 0")):
            while words not in shown.getvalue():
                time.sleep(0.01)
            (tmp_path / "f").write_text(str(count))
    finally:
        stop.set()
        thread.join(10)

    assert agent.watch_args[0] in ("2", "3"), "the third save may or may not be answered yet"
    assert (tmp_path / "seen").read_text().startswith("0\n1\n")


def test_a_script_that_is_not_there_is_told_at_once(tmp_path):
    with pytest.raises(ScriptNotFoundError):
        WatchAgent(str(tmp_path / "f"), 5, str(tmp_path / "no"), []).run()
