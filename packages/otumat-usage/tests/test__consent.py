"""Asking, at real terminals: who is asked, what counts as an answer, and what is kept of it."""

import signal

import pytest

pytestmark = pytest.mark.service

IMPORT = "import tracked; print('imported', tracked.usage_agent.refusal())"


def _answer(data):
    path = data / "packages" / "tracked" / "answer"
    return path.read_text().splitlines()[1:] if path.exists() else None


@pytest.mark.parametrize("typed", ["n\n", "no\n", "\n", "x\n", "yes please\n", "ja\n", "0\n"])
def test_enter_or_anything_but_yes_is_a_stored_no(package, terminal, data, typed):
    package()
    shell = terminal(IMPORT)
    shell.expect("[y/N]").send(typed).expect("imported the user said no (terminal, ")

    assert shell.wait() == 0
    (line,) = _answer(data)
    assert line.startswith("no ")


def test_the_question_says_who_what_and_where_and_is_not_put_twice(package, terminal):
    package("https://usage.example.org")
    shell = terminal(IMPORT)
    shell.expect("[y/N]")

    for words in ("tracked", "Tests", "https://usage.example.org", "Nothing is recorded so far",
                  "Enter means no",
                  "names of the features", "versions of tracked and Python", "random number",
                  "Never:", "otumat-usage off"):  # fmt: skip
        assert words in shell.text, words
    assert max(map(len, shell.text.splitlines())) <= 80
    shell.send("n\n").wait()
    again = terminal(IMPORT)
    assert again.wait() == 0
    assert "[y/N]" not in again.text


@pytest.mark.parametrize(
    ("how", "timeout"),
    [("timeout", 0.3), ("interrupt", 20), ("end of file", 20), ("hang-up", 20)],
)
def test_no_answer_is_only_counted_and_three_are_enough(package, terminal, data, how, timeout):
    package(timeout=timeout)
    for number in (1, 2, 3):
        shell = terminal(IMPORT)
        shell.expect("[y/N]")
        if how == "interrupt":
            shell.send("\x03")
        elif how == "end of file":
            shell.send("\x04")
        elif how == "hang-up":
            shell.hang_up()
        status = shell.wait()
        if how == "hang-up":
            assert status == -signal.SIGHUP
        else:
            assert status == 0
            assert "imported not asked yet" in shell.text
        assert _answer(data) == [f"unanswered {number}"]

    silent = terminal(IMPORT)
    assert silent.wait() == 0
    assert silent.text == "imported not asked yet\n"
    assert _answer(data) == ["unanswered 3"]


@pytest.mark.parametrize(
    "redirect",
    [
        "0</dev/null",
        "0<&-",
        "2>/dev/null",
        "2>&-",
        "| cat 2>&1 | cat >/dev/null; true",
        "0<'{file}'",
    ],
)
def test_without_a_terminal_on_both_sides_nobody_is_asked(
    package, terminal, data, tmp_path, redirect
):
    package()
    tmp_path.joinpath("typed").write_text("y\n")
    if redirect.startswith("|"):
        command = "printf 'y\\n' | \"$0\" -c 'import tracked'"
    else:
        command = f"\"$0\" -c 'import tracked' {redirect.format(file=tmp_path / 'typed')}"
    shell = terminal(
        "import os, sys; os.execv('/bin/sh', ['sh', '-c', sys.argv[1], sys.executable])", command
    )

    assert shell.wait() == 0
    assert shell.text == ""
    assert _answer(data) is None


def test_a_background_process_is_neither_asked_nor_stopped(package, terminal, data):
    package()
    shell = terminal("""
        import os, signal, subprocess, sys
        # A job of a shell in the background: its own group, the terminal stays with us.
        job = subprocess.Popen([sys.executable, "-c", "import tracked"], process_group=0) \\
            if sys.version_info >= (3, 11) else \\
            subprocess.Popen([sys.executable, "-c", "import os; os.setpgid(0, 0); import tracked"])
        pid, status = os.waitpid(job.pid, os.WUNTRACED)
        print("stopped" if os.WIFSTOPPED(status) else f"ended {os.waitstatus_to_exitcode(status)}")
    """)

    assert shell.wait() == 0
    assert shell.text == "ended 0\n"
    assert _answer(data) is None


def test_of_eight_processes_one_asks(package, terminal, data):
    package()
    shell = terminal("""
        import subprocess, sys
        jobs = [subprocess.Popen([sys.executable, "-c", "import tracked"]) for _ in range(8)]
        print("codes", {job.wait() for job in jobs})
    """)
    shell.expect("[y/N]")
    # The seven others end at once; the one that asks is still there.
    shell.send("n\n").expect("codes {0}")

    assert shell.wait() == 0
    assert shell.text.count("[y/N]") == 1
    assert len(_answer(data)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "import pytest; import tracked",
        "import os; os.environ['PYTEST_CURRENT_TEST'] = 'x'; import tracked",
        "import sys, types; sys.modules['sphinx'] = types.ModuleType('sphinx'); import tracked",
        "import sys, types; sys.modules['pip'] = types.ModuleType('pip'); import tracked",
        "import threading as t; x = t.Timer(0, __import__, ['tracked']); x.start(); x.join()",
        "import io, sys; sys.stdin = io.StringIO('y\\n'); import tracked",
        "import sys; sys.stdin = None; import tracked",
        "import sys; sys.stderr = None; import tracked",
    ],
)
def test_a_tool_a_thread_or_a_replaced_stream_is_not_asked(package, terminal, data, code):
    package()
    shell = terminal(code + "; print('imported')")

    assert shell.wait() == 0
    assert shell.text == "imported\n"
    assert _answer(data) is None


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_a_child_of_multiprocessing_is_not_asked(package, terminal, data, tmp_path, method):
    package()
    script = tmp_path / "script.py"
    script.write_text(f"""
import multiprocessing
def work():
    import tracked
    print("worked")
if __name__ == "__main__":
    process = multiprocessing.get_context({method!r}).Process(target=work)
    process.start()
    process.join()
    print("code", process.exitcode)
""")
    shell = (
        terminal("import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", str(script))
        if method == "fork"
        else terminal(
            "import os, sys; os.execv(sys.executable, [sys.executable, sys.argv[1]])", str(script)
        )
    )

    assert shell.wait() == 0
    assert shell.text == "worked\ncode 0\n"
    assert _answer(data) is None


def test_what_was_typed_before_the_question_is_no_answer_to_it(package, terminal, data):
    package()
    shell = terminal(
        "import sys; sys.stdin.isatty(); print('ready'); "
        "import time, select; select.select([0], [], [], 10);" + IMPORT
    )
    shell.expect("ready").send("ls -l\n").expect("imported not asked yet")

    assert shell.wait() == 0
    assert _answer(data) == ["unanswered 1"]


def test_a_host_that_is_not_there_records_nothing_and_the_import_goes_on(
    package, terminal, data, browser
):
    package("http://127.0.0.1:9")
    shell = terminal(IMPORT, BROWSER=browser("yes"))
    shell.expect("[y/N]").send("y\n").expect("cannot be reached").expect("imported not asked yet")

    assert shell.wait() == 0
    assert _answer(data) == ["unanswered 1"]
    assert not list(data.rglob("tokens.json"))


def test_nobody_is_asked_where_the_environment_says_no(package, terminal, data):
    package()
    for env in ({"DO_NOT_TRACK": "1"}, {"OTUMAT_USAGE": "off"}, {"CI": "1"}):
        shell = terminal("import tracked; print('imported')", **env)
        assert shell.wait() == 0
        assert shell.text == "imported\n"
    assert not data.exists()


def test_install_asks_again_after_a_no(package, terminal, data):
    package()
    terminal(IMPORT).expect("[y/N]").send("n\n").wait()
    shell = terminal(
        "import tracked\ntry: print(tracked.usage_agent.install())\n"
        "except OSError as error: print('failed', error)"
    )
    shell.expect("[y/N]").send("n\n").expect("False")

    assert shell.wait() == 0
    assert _answer(data)[0].startswith("no ")


def test_install_without_a_terminal_says_why(package, python):
    package()
    done = python("""
        import tracked
        from otumat_usage import consent
        from otumat_usage.exceptions import RefusedError
        for call in (tracked.usage_agent.install, lambda: consent("tracked")):
            try: call()
            except RefusedError as error: print(error)
    """)

    assert done.stdout == "tracked: there is no terminal\n" * 2


def test_a_y_typed_before_the_question_is_no_yes(package, terminal, data):
    """It was meant for something else: it counts as unanswered, and nothing is recorded."""
    package("https://usage.example.org")
    shell = terminal("import select; select.select([0], [], [], 20)\n" + IMPORT)
    shell.send("y\n").expect("No answer")

    assert shell.wait() == 0
    assert _answer(data) == ["unanswered 1"]
