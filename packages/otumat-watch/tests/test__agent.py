"""Laws of the class of 0.3."""

import threading

import pytest

from otumat_watch import ScriptNotFoundError, WatchAgent


def lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_the_0_3_call_runs_the_script_and_carries_the_state(
    tmp_path, make_script, until, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    script = make_script('#!/bin/sh\necho "$@" >> seen\necho $(($1 + 1))\n')
    stop = threading.Event()
    agent = WatchAgent(watch_file="f", watch_interval=5, watch_script=str(script), watch_args=["0"])
    thread = threading.Thread(target=agent.run, kwargs={"stop": stop})
    thread.start()
    out = ""
    try:
        while "Watching f" not in out:
            out += capsys.readouterr().out
        for count in (1, 2):
            (tmp_path / "f").write_text(str(count))
            until(lambda wanted=count: lines(tmp_path / "seen") == wanted)
    finally:
        stop.set()
        thread.join(10)

    assert agent.watch_args == ["2"]
    assert (tmp_path / "seen").read_text() == "0\n1\n"


def test_a_script_that_is_not_there_is_told_at_once(tmp_path):
    with pytest.raises(ScriptNotFoundError):
        WatchAgent(str(tmp_path / "f"), 5, str(tmp_path / "no"), []).run()
