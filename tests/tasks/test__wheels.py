"""The four wheels are built once per run, and only usage's has extras."""

from __future__ import annotations

import pathlib

import pytest

from tasks._facts import DISTS
from tasks._wheels import install, wheelhouse, wheels


def test_they_are_built_once_however_often_they_are_asked_for(session, tmp_path):
    folder = tmp_path / "wheels"

    first, again = wheels(session, folder), wheels(session, folder)

    assert list(first) == list(again) == list(DISTS)
    assert first["otumat"].name.startswith("otumat-0")  # and not otumat_sign's
    assert len(session.ran) == len(DISTS)


def test_a_wheel_of_an_earlier_run_is_never_installed(session, tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "otumat_sign-0.3-py3-none-any.whl").touch()

    assert wheels(session, folder)["otumat-sign"].name == "otumat_sign-0.4-py3-none-any.whl"


@pytest.mark.parametrize(("backend", "tool"), [("uv", "uv"), ("virtualenv", "pip")])
def test_the_environment_s_own_tool_builds_them(session, tmp_path, backend, tool):
    session.venv_backend = backend

    wheels(session, tmp_path / "wheels")

    assert {command[0] for command in session.ran} == {tool}


def test_usage_comes_with_its_host_or_what_is_asked_the_others_plain(session, tmp_path):
    folder = tmp_path / "wheels"

    install(session, ("otumat-usage", "otumat-watch"), "pytest", folder=folder)
    install(session, ("otumat-usage",), extras="host,postgresql", folder=folder)

    usage, watch = (f"{folder}/otumat_{x}-0.4-py3-none-any.whl" for x in ("usage", "watch"))
    assert session.installed == [
        (f"{usage}[host]", watch, "pytest"),
        (f"{usage}[host,postgresql]",),
    ]


def test_the_wheelhouse_is_filled_anew_with_ours_and_what_pages_install(session, tmp_path):
    stale = tmp_path / f"wheelhouse-{session.python}" / "otumat_sign-0.3-py3-none-any.whl"
    stale.parent.mkdir()
    stale.touch()

    house = wheelhouse(session, tmp_path / "wheels")

    (download,) = (command for command in session.ran if "download" in command)
    assert house == stale.parent
    assert not stale.exists()
    assert {"twine", "duckdb-cli"} <= set(download)
    assert sum("otumat" in pathlib.Path(word).name for word in download) == len(DISTS)
