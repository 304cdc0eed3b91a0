"""Whatever only a repository knows is named, and the repository stays as it is."""

from __future__ import annotations

import pytest

from otumat_sign import NoRepositoryError, RefusedPathError, hash_pkg
from otumat_sign._explain import explain

pytestmark = pytest.mark.interop


@pytest.fixture(name="repository")
def _repository(git):
    repository = git()
    package = repository.folder / "pkg"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_bytes(b"")
    (package / "a.py").write_bytes(b"a\n")
    (package / "sub" / "b.txt").write_bytes(b"b\r\n")
    repository.run("config", "user.name", "x")
    repository.run("config", "user.email", "x@example.org")
    return repository


def _causes(repository, package="pkg"):
    return dict(explain(repository.folder / package).differences)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_plain_repository_says_the_same(git, algorithm):
    repository = git("plain", algorithm)
    (repository.folder / "p k").mkdir()
    (repository.folder / "p k" / "é").write_bytes(b"x")

    result = explain(repository.folder / "p k")

    assert result.differences == []
    assert (
        result.ours
        == result.gits
        == hash_pkg(pkgpath=repository.folder / "p k", algorithm=algorithm)
    )


def test_the_repository_is_left_as_it_is(repository):
    (repository.folder / ".gitattributes").write_text("*.txt text\n")
    before = {path: path.stat().st_mtime_ns for path in repository.folder.rglob("*")}
    explain(repository.folder / "pkg")

    assert {path: path.stat().st_mtime_ns for path in repository.folder.rglob("*")} == before


def test_ignored_files_are_named_with_their_rule(repository):
    (repository.folder / ".gitignore").write_text("\n*.log\n")
    (repository.folder / "pkg" / ":x.log").write_bytes(b"")

    assert _causes(repository) == {"pkg/:x.log": "ignored by git: .gitignore:2: *.log"}


@pytest.mark.parametrize(
    ("attributes", "named"),
    [("*.txt text", "text=set"), ("*.txt eol=lf", "eol=lf"), ("*.txt ident", None)],
)
def test_converted_files_are_named_with_their_attribute(repository, attributes, named):
    (repository.folder / ".gitattributes").write_text(attributes + "\n")

    causes = _causes(repository)

    assert causes == (
        {"pkg/sub/b.txt": f"git stores other bytes than the file holds ({named})"} if named else {}
    )


def test_converted_line_ends_are_named(repository):
    repository.run("config", "core.autocrlf", "input")

    assert _causes(repository) == {
        "pkg/sub/b.txt": "git stores other bytes than the file holds (core.autocrlf=input)"
    }


def test_a_mode_that_git_does_not_look_at_is_named(repository):
    repository.run("config", "core.fileMode", "false")
    (repository.folder / "pkg" / "a.py").chmod(0o755)

    assert "core.fileMode is false" in _causes(repository)["pkg/a.py"]


def test_files_that_git_was_told_not_to_look_at_are_named(repository):
    repository.add()
    for option, name in (("--assume-unchanged", "a.py"), ("--skip-worktree", "sub/b.txt")):
        repository.run("update-index", option, f"pkg/{name}")
        (repository.folder / "pkg" / name).write_bytes(b"changed!\n")

    causes = _causes(repository)

    assert "assume-unchanged" in causes["pkg/a.py"]
    assert "skip-worktree" in causes["pkg/sub/b.txt"]


def test_tracked_byte_code_is_named(repository):
    (repository.folder / "pkg" / "__pycache__").mkdir()
    (repository.folder / "pkg" / "__pycache__" / "a.pyc").write_bytes(b"x")
    repository.run("add", "-f", "pkg/__pycache__/a.pyc")

    assert "byte code" in _causes(repository)["pkg/__pycache__/a.pyc"]


def test_a_submodule_is_named_as_one(repository, git):
    inner = git("repository/pkg/vendored")
    (inner.folder / "x.py").write_bytes(b"")
    inner.add()
    inner.run("config", "user.name", "x")
    inner.run("config", "user.email", "x@example.org")
    inner.run("commit", "-q", "-m", "x")
    (inner.folder / ".git").rename(repository.folder / ".git" / "vendored")

    # An absorbed submodule has a file called .git, which no package can hold.
    (inner.folder / ".git").write_text("gitdir: ../../.git/vendored\n")
    with pytest.raises(RefusedPathError, match=r"vendored/\.git.*pkg/vendored is a submodule"):
        explain(repository.folder / "pkg")


def test_a_submodule_that_is_not_there_is_named_as_one(repository):
    commit = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    repository.add()
    repository.run("update-index", "--add", "--cacheinfo", f"160000,{commit},pkg/vendored")
    (repository.folder / "pkg" / "vendored").mkdir()

    assert "a submodule" in _causes(repository)["pkg/vendored"]


def test_a_file_that_only_git_has_is_named(repository):
    repository.add()
    repository.run("update-index", "--skip-worktree", "pkg/a.py")
    (repository.folder / "pkg" / "a.py").unlink()

    assert "skip-worktree" in _causes(repository)["pkg/a.py"]


def test_a_name_that_git_refuses_is_refused_without_a_submodule_too(repository):
    (repository.folder / "pkg" / "sub" / ".git").mkdir()
    (repository.folder / "pkg" / "sub" / ".git" / "x").write_bytes(b"")

    with pytest.raises(RefusedPathError, match=r"sub/\.git/x: git refuses this name; rename it$"):
        explain(repository.folder / "pkg")


def test_raw_names_are_named(repository):
    (repository.folder / "pkg" / "é.py").write_bytes(b"")
    repository.run("config", "core.quotePath", "false")

    assert _causes(repository) == {"pkg": "core.quotePath=false: git prints names raw"}


def test_without_a_repository_there_is_nothing_to_compare_with(tmp_path, monkeypatch):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "x").write_bytes(b"")

    with pytest.raises(NoRepositoryError, match="not a git repository"):
        explain(tmp_path / "pkg")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoRepositoryError, match="git is not installed"):
        explain(tmp_path / "pkg")
