"""Laws of the loop that a script makes by changing what it watches."""

from otumat_watch._echo import Echo


def a_loop(echo, runs):
    """Return the delays and whether it was spoken of, for runs that each change the file."""
    told, delays = [], []
    for _ in range(runs):
        told.append(echo.run_started(["f"]))
        delays.append(echo.run_ended(["f"]))
    return told, delays


def test_five_runs_started_by_the_one_before_are_a_loop_that_slows_down():
    told, delays = a_loop(Echo(1.0), 10)

    assert told == [False] * 6 + [True] + [False] * 3
    assert delays == [0.0] * 5 + [0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_change_while_no_run_is_on_ends_the_suspicion():
    echo = Echo(1.0)
    a_loop(echo, 8)

    assert not echo.is_own(["other"])
    assert not echo.run_started(["f", "other"])
    assert echo.run_ended(["f"]) == 0.0


def test_a_run_that_changes_nothing_ends_it():
    echo = Echo(1.0)
    a_loop(echo, 8)
    echo.run_started(["f"])

    assert echo.run_ended([]) == 0.0
