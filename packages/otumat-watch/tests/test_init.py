"""Laws of the package as a whole."""

import importlib.metadata
import subprocess
import sys

import pytest

import otumat_watch
from otumat_watch import exceptions


def test_importing_it_loads_nothing_else():
    code = (
        "import sys; before = set(sys.modules); import otumat_watch; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["otumat_watch"]


def test_watching_loads_no_subprocess_and_no_threading_on_linux(tmp_path):
    if not sys.platform.startswith("linux"):
        pytest.skip("watchfiles needs a thread")
    code = (
        "import sys; from otumat_watch import changes, WatchAgent; "
        f"changes({str(tmp_path)!r}); import otumat_watch._runner; "
        "print(*{'subprocess', 'threading', 'json', 'click', 'pathlib', 'hashlib'}"
        ".intersection(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"sys = __import__('sys'); sys.path += {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == []


def test_every_public_name_is_there_and_listed():
    assert dir(otumat_watch) == sorted(otumat_watch.__all__) == otumat_watch.__all__
    for name in otumat_watch.__all__:
        assert getattr(otumat_watch, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = otumat_watch.nothing


def test_every_error_is_a_watch_error():
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), exceptions.WatchError)
        assert name in exceptions.__doc__


def test_the_command_is_found_by_its_entry_point():
    [entry] = importlib.metadata.entry_points(group="otumat.commands", name="watch")

    assert entry.value == "otumat_watch.cli:watch_command"
