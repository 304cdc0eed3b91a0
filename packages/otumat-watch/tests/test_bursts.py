"""Many changes at once or during a run: few runs, and the last saw the last."""

import sys
import time

import pytest

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the native source is Linux"),
]


def test_a_burst_of_a_thousand_saves_ends_with_a_run_that_saw_the_last(watch, file):
    watching = watch(file)

    for number in range(1000):
        file.write_text(f"{number}\n")

    runs = []
    while not runs or runs[-1]["arguments"] != ["999"]:
        runs.append(watching.run())
    assert len(runs) < 1000


def test_changes_during_a_run_are_one_trailing_run(watch, file, tmp_path, make_script, until):
    script = make_script(
        '#!/bin/sh\ncat "$OTUMAT_WATCH_FILE"\ntouch started\n'
        "while [ ! -e go ]; do sleep 0.01; done\n"
    )
    watching = watch(file, script=script)

    file.write_text("first\n")
    until((tmp_path / "started").exists)
    for number in range(5):
        file.write_text(f"{number}\n")
    (tmp_path / "go").touch()

    assert watching.run()["arguments"] == ["first"]
    assert watching.run()["arguments"] == ["4"]
    assert watching.barrier() == []


def test_a_change_at_the_very_end_of_a_run_is_not_lost(watch, file, make_script):
    """The script itself starts the writer that changes the file as the last thing it does."""
    script = make_script(
        '#!/bin/sh\ncat "$OTUMAT_WATCH_FILE"\n'
        '[ "$OTUMAT_WATCH_RUN" = 1 ] && echo last > "$OTUMAT_WATCH_FILE"\nexit 0\n'
    )
    watching = watch(file, script=script)

    file.write_text("first\n")

    assert watching.run()["arguments"] == ["first"]
    assert watching.run()["arguments"] == ["last"]
    assert watching.barrier() == []


def test_a_script_that_rewrites_what_it_watches_is_told_of_and_slowed(watch, file, make_script):
    script = make_script('#!/bin/sh\necho again > "$OTUMAT_WATCH_FILE"\n')
    watching = watch(file, script=script, options=["-i", "60"])

    file.write_text("first\n")
    note = watching.wait_for("note")

    assert "the script seems to change what it watches" in note["text"]
    begin = time.monotonic()
    runs = [watching.run() for _ in range(9)]
    assert time.monotonic() - begin > 0.5
    assert runs[-1]["run"] == 9


def test_a_slow_writers_last_run_saw_the_whole_save(watch, file):
    watching = watch(file, options=["--settle", "0.4"])

    with file.open("w", buffering=1) as stream:
        for number in range(10):
            stream.write(f"{number}\n")
            time.sleep(0.02)

    run = watching.run()
    assert run["arguments"] == [str(number) for number in range(10)]
    assert watching.barrier() == []


def test_a_writer_that_keeps_the_file_open_is_answered_when_it_pauses(watch, file):
    watching = watch(file)

    with file.open("a", buffering=1) as stream:
        stream.write("line\n")
        assert watching.run()["arguments"] == ["old", "line"]

    assert watching.barrier() == [], "closing without writing more is no change"


def test_several_files_are_watched_and_one_run_answers_all_that_changed(
    watch, tmp_path, make_script, until
):
    one, two = tmp_path / "one", tmp_path / "two"
    script = make_script("#!/bin/sh\ntouch started\nwhile [ ! -e go ]; do sleep 0.01; done\n")
    watching = watch(one, two, script=script)

    one.write_text("1")
    until((tmp_path / "started").exists)
    one.write_text("2")
    two.write_text("2")
    (tmp_path / "go").touch()

    watching.run()
    assert {change["path"] for change in watching.run()["changes"]} == {str(one), str(two)}
