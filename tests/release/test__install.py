"""An environment of its own, whose commands must end as expected."""

from __future__ import annotations

import pathlib
import sys

import pytest

from release import _install
from release._refused import Refused

pytestmark = pytest.mark.interop


def test_the_environment_meets_nothing_of_ours(tmp_path):
    venv = _install.Venv(tmp_path / "venv")

    assert pathlib.Path(venv.site).is_relative_to(tmp_path / "venv")
    with pytest.raises(Refused, match=r"exit code 1, expected 0: ModuleNotFoundError: .*otumat"):
        venv.run("python", "-I", "-c", "import otumat_sign")


def test_an_answer_that_should_be_no_must_be_no(tmp_path):
    venv = _install.Venv(tmp_path / "venv")

    assert venv.run("python", "-c", "exit(1)", expect=1) == ""
    with pytest.raises(Refused, match="exit code 0, expected 1"):
        venv.run("python", "-c", "print('trusted')", expect=1)


def test_what_cannot_be_installed_is_no_verdict_on_the_wheel(tmp_path):
    venv = _install.Venv(tmp_path / "venv")

    with pytest.raises(OSError, match=r"^uv pip: [^\n]*otumat_no"):
        venv.install(tmp_path / "otumat_no-1-py3-none-any.whl", beside=tmp_path)
    assert sys.prefix not in str(venv.site)
