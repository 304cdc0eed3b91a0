"""Laws of the source for macOS and Windows; watchfiles runs on Linux too, so this is it."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH101

import os

import pytest

from otumat_watch._changes import wait_for
from otumat_watch._ledger import Ledger
from otumat_watch._targets import parse_target
from otumat_watch._watchfiles import WatchfilesSource, folders_to_watch, target_path
from otumat_watch.exceptions import WatcherUnavailableError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_files_folder_is_watched_and_a_folder_with_all_below_it(tmp_path):
    (tmp_path / "d").mkdir()
    targets = [parse_target(spec) for spec in ("f", "d", "no/such/f")]

    assert folders_to_watch(targets) == {False: {str(tmp_path)}, True: {str(tmp_path / "d")}}


def test_a_links_target_is_watched_where_it_is(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").touch()
    (tmp_path / "link").symlink_to("real/f")
    target = parse_target("link")

    assert folders_to_watch([target])[False] == {str(tmp_path), str(tmp_path / "real")}
    assert target_path(target, str(tmp_path / "real" / "f")) == str(tmp_path / "link")


def test_paths_are_found_again_in_either_spelling(tmp_path):
    (tmp_path / "real" / "d").mkdir(parents=True)
    (tmp_path / "real" / "f").touch()
    (tmp_path / "link").symlink_to("real")
    file, folder = parse_target("link/f"), parse_target("link/d")

    assert target_path(file, str(tmp_path / "real" / "f")) == str(tmp_path / "link" / "f")
    assert target_path(file, str(tmp_path / "link" / "f")) == str(tmp_path / "link" / "f")
    assert target_path(file, str(tmp_path / "real" / "g")) is None
    assert target_path(folder, str(tmp_path / "real/d/x")) == str(tmp_path / "link" / "d" / "x")
    assert target_path(folder, str(tmp_path / "real/d/x~")) is None


@pytest.mark.service
class TestForReal:
    @pytest.fixture(name="listen")
    def _listen(self, until):
        """Open a source on some specs; its calls return the next changes."""
        opened = []

        def listen(*specs):
            ledger = Ledger(settle=0.02, digest=None)
            source = WatchfilesSource([parse_target(spec) for spec in specs], ledger)
            opened.append(source)
            now = iter(range(10**6))

            def look():
                wait_for([source.fileno()], 0.02)
                source.read(next(now))
                return ledger.take(next(now))

            return source, lambda: until(look)

        yield listen
        for source in opened:
            source.close()

    def test_saves_replacements_deletions_and_returns_are_told(self, listen, tmp_path):
        file = tmp_path / "f"
        file.write_text("old")
        _, changes = listen("f")

        file.write_text("newer")
        assert changes() == [(str(file), "modified")]
        (tmp_path / "g").write_text("replaced")
        (tmp_path / "g").replace(file)
        assert changes() == [(str(file), "modified")]
        file.unlink()
        assert changes() == [(str(file), "deleted")]
        file.write_text("back")
        assert changes() == [(str(file), "created")]

    def test_a_chmod_is_not_told(self, listen, tmp_path):
        file = tmp_path / "f"
        file.write_text("old")
        other = tmp_path / "other"
        _, changes = listen("f", "other")

        os.chmod(file, 0o600)
        other.write_text("x")

        assert changes() == [(str(other), "created")]

    def test_a_tree_is_told_of_and_followed_when_it_comes(self, listen, tmp_path):
        source, changes = listen("d/")
        (tmp_path / "d").mkdir()
        source.follow_all(0.0)

        (tmp_path / "d" / "f").write_text("x")

        assert changes() == [(str(tmp_path / "d" / "f"), "created")]

    def test_when_watchfiles_gives_up_it_is_said(self, listen):
        source, _ = listen("f")
        source._tell(RuntimeError("no more"))

        with pytest.raises(WatcherUnavailableError, match="no more"):
            source.read(0.0)
