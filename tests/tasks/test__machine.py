"""Only Pythons that answer count, and what is missing is named in one line."""

from __future__ import annotations

import sys

import pytest

from tasks._machine import found_pythons, need, need_postgresql


@pytest.fixture(name="path")
def _path(tmp_path, monkeypatch):
    """The only folder on the PATH; `path(name, exit code)` puts a command there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, code: int = 0) -> None:
        command = folder / name
        command.write_text(f"#!/bin/sh\nexit {code}\n")
        command.chmod(0o755)

    return put


@pytest.mark.skipif(sys.platform == "win32", reason="the Pythons of this test are shell scripts")
class TestPythons:
    def test_one_that_lies_there_but_does_not_answer_is_not_found(self, path):
        path("python3.10")
        path("python3.12", code=127)  # as a pyenv shim whose version is not active
        path("python3.9")  # not supported

        assert found_pythons() == ["3.10"]

    def test_they_come_oldest_first(self, path):
        for version in ("3.13", "3.10", "3.11"):
            path(f"python{version}")

        assert found_pythons() == ["3.10", "3.11", "3.13"]

    @pytest.mark.usefixtures("path")
    def test_where_none_answers_it_is_the_one_that_runs_nox(self):
        assert found_pythons() == [f"{sys.version_info.major}.{sys.version_info.minor}"]


@pytest.mark.skipif(sys.platform == "win32", reason="the tools of this test are shell scripts")
class TestNeed:
    def test_the_first_tool_that_is_missing_ends_the_session(self, session, path):
        path("git")

        with pytest.raises(
            session.Ended, match=r"needs `bindfs`: install it \(Debian: apt install"
        ):
            need(session, "git", "bindfs", "openssl")

    def test_with_all_of_them_it_goes_on(self, session, path):
        path("git")
        path("openssl")

        need(session, "git", "openssl")

    @pytest.mark.usefixtures("path")
    def test_postgresql_may_lie_where_debian_puts_it(self, session, tmp_path):
        with pytest.raises(session.Ended, match="needs `initdb`"):
            need_postgresql(session, debian=tmp_path / "postgresql")

        (tmp_path / "postgresql" / "15" / "bin").mkdir(parents=True)
        (tmp_path / "postgresql" / "15" / "bin" / "initdb").touch()
        need_postgresql(session, debian=tmp_path / "postgresql")

    def test_or_anywhere_on_the_path(self, session, path, tmp_path):
        path("initdb")

        need_postgresql(session, debian=tmp_path / "postgresql")
