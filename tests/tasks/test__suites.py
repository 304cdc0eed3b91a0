"""Pytest runs with the root's settings, reports where it is asked to, and may meet a copy only."""

from __future__ import annotations

from tasks._facts import ROOT
from tasks._suites import copied_tests, run_pytest


def test_the_settings_are_the_root_s_and_the_arguments_come_last(session):
    run_pytest(session, "-m", "fault", "packages")

    (command,) = session.ran
    assert command[:3] == ("python", "-m", "pytest")
    assert command[command.index("-c") + 1] == str(ROOT / "pyproject.toml")
    assert command[-3:] == ("-m", "fault", "packages")
    assert not [word for word in command if word.startswith("--junitxml")]


def test_each_report_has_a_name_of_its_own_that_a_file_can_have(session, tmp_path, monkeypatch):
    monkeypatch.setenv("OTUMAT_REPORTS", str(tmp_path))

    run_pytest(session)
    run_pytest(session, name="soak-postgresql")

    assert [f"--junitxml={tmp_path / name}.xml" for name in (
        "alone-3.13-otumat-sign", "soak-postgresql",
    )] == [word for command in session.ran for word in command if "junitxml" in word]  # fmt: skip


def test_the_copy_is_the_tests_as_they_are_now_and_no_byte_code(session, tmp_path):
    old = tmp_path / "otumat-watch" / "tests" / "test_of_yesterday.py"
    old.parent.mkdir(parents=True)
    old.touch()

    copy = copied_tests(session, "otumat-watch")

    tests = ROOT / "packages" / "otumat-watch" / "tests"
    assert copy == tmp_path.resolve() / "otumat-watch" / "tests"
    assert {path.relative_to(copy) for path in copy.rglob("*.py")} == {
        path.relative_to(tests) for path in tests.rglob("*.py")
    }
    assert not list(copy.rglob("__pycache__"))
