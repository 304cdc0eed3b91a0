"""What a run prints is the next one's arguments, and what a run is told."""

import os
import signal

import pytest

from ._saves import change

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(os.name == "nt", reason="shell scripts and POSIX signals"),
]


class TestState:
    def test_lines_of_output_are_the_next_arguments(self, watch, file, make_script):
        script = make_script('#!/bin/sh\nprintf "%s\\n" "$#" "$@" "" -x "a  b"\n')
        watching = watch(file, script=script, arguments=["first", "--second"])

        change(file)
        assert watching.run()["arguments"] == ["2", "first", "--second", "", "-x", "a  b"]
        change(file)

        assert watching.run()["arguments"][0] == "6"

    def test_an_unfinished_last_line_counts_and_windows_line_ends_do_not(
        self, watch, file, make_script
    ):
        watching = watch(file, script=make_script("#!/bin/sh\nprintf 'a\\r\\nb'\n"))

        change(file)

        assert watching.run()["arguments"] == ["a", "b"]

    def test_no_output_is_no_argument(self, watch, file, make_script):
        watching = watch(file, script=make_script("#!/bin/sh\n"), arguments=["a"])

        change(file)

        assert watching.run()["arguments"] == []

    def test_bytes_that_are_not_utf8_come_back_unchanged(self, watch, file, make_script):
        script = make_script(
            '#!/bin/sh\n[ "$OTUMAT_WATCH_RUN" = 1 ] && printf "\\377\\n" '
            '|| printf %s "$1" | od -An -tx1\n'
        )
        watching = watch(file, script=script)

        change(file)
        watching.run()
        change(file)

        assert watching.run()["arguments"] == [" ff"]

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ("echo new; exit 3", "failed"),
            ("echo new; kill -9 $$", "was killed"),
            ("head -c 10000000 /dev/zero | tr '\\0' x", "printed more than 1048576 bytes"),
            ("printf 'a\\0b\\n'", "NUL byte"),
            ("head -c 200000 /dev/zero | tr '\\0' x", "a line of more than"),
            ("yes | head -c 1000000", "more than fit"),
        ],
    )
    def test_a_run_that_fails_leaves_the_state(self, watch, file, make_script, body, problem):
        watching = watch(file, script=make_script(f"#!/bin/sh\n{body}\n"), arguments=["kept"])

        change(file)

        run = watching.run()
        assert problem in run["problem"]
        assert run["arguments"] == ["kept"]

    def test_the_largest_state_that_is_accepted_can_be_passed(self, watch, file, make_script):
        script = make_script(
            "#!/bin/sh\n[ $# = 0 ] && yes 12345678901234567890123 | head -n 30000 || echo $#\n"
        )
        watching = watch(file, script=script)

        change(file)
        assert len(watching.run()["arguments"]) == 30000
        change(file)

        assert watching.run()["arguments"] == ["30000"]

    def test_the_script_is_told_the_path_the_event_and_the_run(self, watch, tmp_path, make_script):
        script = make_script(
            '#!/bin/sh\nprintf "%s\\n" "$OTUMAT_WATCH_FILE" "$OTUMAT_WATCH_EVENT" '
            '"$OTUMAT_WATCH_RUN"\n'
        )
        watching = watch("later", script=script)

        (tmp_path / "later").write_text("x")

        assert watching.run()["arguments"] == [str(tmp_path / "later"), "created", "1"]

    def test_a_state_file_carries_the_state_over_a_restart(
        self, watch, file, tmp_path, make_script
    ):
        script = make_script("#!/bin/sh\necho $(($1 + 1))\nprintf '\\377\\n'\n")
        first = watch(file, script=script, options=["--state", "s.json"], arguments=["7"])
        change(file)
        first.run()
        first.stop(signal.SIGKILL)

        second = watch(file, script=script, options=["--state", "s.json"], arguments=["100"])
        change(file)

        assert second.run()["arguments"] == ["9", "\udcff"]
        assert sorted(path.name for path in tmp_path.glob("s.json*")) == ["s.json"]

    def test_a_damaged_state_file_is_told_of_and_kept_aside(
        self, watch, file, tmp_path, make_script
    ):
        (tmp_path / "s.json").write_text('{"otumat-watch-state": 1, "arg')
        script = make_script('#!/bin/sh\necho "$1"\n')
        watching = watch(file, script=script, options=["--state", "s.json"], arguments=["given"])

        assert "is damaged: kept as" in watching.wait_for("note")["text"]
        change(file)
        assert watching.run()["arguments"] == ["given"]
        [aside] = tmp_path.glob("s.json.damaged-*")
        assert aside.read_text() == '{"otumat-watch-state": 1, "arg'
