"""`hash_pkg` says what git says."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata

import pytest

from otumat_sign import (
    ChangedFileError,
    EmptyPackageError,
    HashError,
    PackageNotFoundError,
    RefusedPathError,
    UnreadableFileError,
    hash_pkg,
)
from otumat_sign._digest import digests

ALGORITHMS = ["sha1", "sha256"]
#: How many random trees one seed plants; OTUMAT_TREES=1000 for thousands.
TREES = int(os.environ.get("OTUMAT_TREES", "20"))

# Made by git 2.39.5 in a folder with the tree of `_known`:
#   git init --object-format=ALGORITHM; git add . --all
#   git ls-files -s pkg | git hash-object --stdin
KNOWN = {
    "sha1": "21de3a7e942da457fb7c16666395b78ee75bbdf8",
    "sha256": "4128fad5318777822c943eb4c1c82314c65e84e036b86744738eb05d22acee67",
}


@pytest.fixture(name="known")
def _known(tmp_path):
    package = tmp_path / "pkg"
    (package / "a").mkdir(parents=True)
    (package / "__init__.py").write_bytes(b"")
    (package / "a" / "x.py").write_bytes(b"print('x')\r\n")
    (package / "a.py").write_bytes(b"a = 1\n")
    (package / "a b").write_bytes(b"\x00\xff")
    (package / "tool").write_bytes(b"#!/bin/sh\n")
    (package / "tool").chmod(0o755)
    (package / "link").symlink_to("a/x.py")
    return package


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_known_tree_has_the_hash_that_git_printed(known, algorithm):
    assert hash_pkg(pkgpath=known, algorithm=algorithm) == KNOWN[algorithm]


def test_both_digests_in_one_pass_are_those_of_two(known):
    assert digests(known, ALGORITHMS) == [KNOWN["sha1"], KNOWN["sha256"]]


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}//", "{}/.", "{}/a/.."])
def test_the_spelling_of_the_path_changes_nothing(known, spelling):
    assert hash_pkg(pkgpath=spelling.format(known)) == KNOWN["sha1"]


def test_the_current_folder_is_hashed_by_its_name(known, monkeypatch):
    monkeypatch.chdir(known)

    assert hash_pkg(pkgpath=".") == KNOWN["sha1"]


def test_byte_code_folders_are_left_out_and_nothing_else(known):
    (known / "__pycache__").mkdir()
    (known / "a" / "__pycache__").mkdir()
    (known / "a" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    assert hash_pkg(pkgpath=known) == KNOWN["sha1"]

    for number, name in enumerate(["x.pyc", "pycache_utils.py", "a/x.pyc", ".hidden"]):
        before = hash_pkg(pkgpath=known)
        (known / name).write_bytes(b"%d" % number)
        assert hash_pkg(pkgpath=known) != before


@pytest.mark.parametrize("workers", [1, 2, 3, 100])
def test_any_number_of_workers_gives_the_same_hash(known, workers):
    assert hash_pkg(pkgpath=known, workers=workers) == KNOWN["sha1"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"workers": 0},
        {"algorithm": "md5"},
        {"prefix": "/src"},
        {"prefix": "a//b"},
        {"prefix": "../a"},
        {"prefix": "./a"},
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(known, arguments):
    with pytest.raises(ValueError, match=str(next(iter(arguments.values())))):
        hash_pkg(pkgpath=known, **arguments)


def test_a_missing_package_is_a_missing_file(tmp_path):
    with pytest.raises(PackageNotFoundError, match="nowhere") as caught:
        hash_pkg(pkgpath=tmp_path / "nowhere")

    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("inside", ["", "empty", "__pycache__"])
def test_a_package_without_files_has_no_hash(tmp_path, inside):
    package = tmp_path / "pkg"
    (package / inside).mkdir(parents=True)

    with pytest.raises(EmptyPackageError, match="no files"):
        hash_pkg(pkgpath=package)


def test_a_package_that_is_a_link_is_refused(known):
    link = known.with_name("link")
    link.symlink_to(known)

    for path in (link, f"{link}/"):
        with pytest.raises(RefusedPathError, match="symbolic link"):
            hash_pkg(pkgpath=path)


@pytest.mark.usefixtures("known")
def test_a_link_above_the_package_is_followed(tmp_path):
    above = tmp_path.with_name(tmp_path.name + "-link")
    above.symlink_to(tmp_path)

    assert hash_pkg(pkgpath=above / "pkg") == KNOWN["sha1"]


def test_a_link_to_a_folder_is_a_link(known, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (known / "folder").symlink_to(outside)
    before = hash_pkg(pkgpath=known)
    (outside / "file").write_bytes(b"x")

    assert hash_pkg(pkgpath=known) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this system")
@pytest.mark.parametrize("name", ["fifo", "a/fifo"])
def test_a_fifo_is_refused_by_name_without_waiting_for_a_writer(known, name):
    os.mkfifo(known / name)

    with pytest.raises(RefusedPathError, match=r"fifo is a FIFO"):
        hash_pkg(pkgpath=known)


def test_a_fifo_as_package_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pkg.py")

    with pytest.raises(RefusedPathError, match="FIFO, not a package"):
        hash_pkg(pkgpath=tmp_path / "pkg.py")


def test_a_device_is_refused():
    with pytest.raises(RefusedPathError, match="a device, not a package"):
        hash_pkg(pkgpath=os.devnull)


def test_a_socket_is_refused(known, monkeypatch):
    import socket

    monkeypatch.chdir(known)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("here")
        with pytest.raises(RefusedPathError, match="here is a socket"):
            hash_pkg(pkgpath=known)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_file_that_says_other_than_it_holds_changed_while_it_was_read():
    """The files of /proc have the size 0 and content: no state of such a file is stable."""
    with pytest.raises(ChangedFileError, match="status changed while it was read"):
        hash_pkg(pkgpath="/proc/self/status")


def test_a_path_with_a_nul_is_no_package(tmp_path):
    with pytest.raises(UnreadableFileError, match="null"):
        hash_pkg(pkgpath=f"{tmp_path}/a\0b")


def test_whatever_goes_wrong_is_a_hash_error(tmp_path):
    for name in ("missing", "a" * 300, "\0"):
        with pytest.raises(HashError):
            hash_pkg(pkgpath=tmp_path / name)


# --- git itself ---


@pytest.mark.interop
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_random_trees_are_what_git_says(git, forest, seed, algorithm, tmp_path):
    """Names, order, quoting, modes, links, contents: all at random, git is right."""
    trees = forest(seed)
    repository = git("repository", algorithm)
    root = os.fsencode(repository.folder)
    packages = []
    while len(packages) < TREES:
        name = trees.name()
        if not os.path.lexists(root + b"/" + name) and name != b"__pycache__":
            trees.plant(root + b"/" + name)
            packages.append(name)
    repository.add()

    for name in packages:
        path = os.fsdecode(root + b"/" + name)
        workers = trees.random.choice([None, None, None, 2])
        try:
            ours = hash_pkg(pkgpath=path, algorithm=algorithm, workers=workers)
        except EmptyPackageError:
            assert repository.run("ls-files", "--", name) == b""
        else:
            assert ours == repository.hash(name), (seed, name)
    shutil.rmtree(tmp_path, ignore_errors=True)


_CURATED = {
    "order around the slash": [
        "a b",
        "a!",
        "a+",
        "a,c/x",
        "a-b",
        "a.py",
        "a/x.py",
        "a0",
        "a_",
        "a~",
    ],
    "quoting": ['"', "\\", "\t", "\n", "\x01", "\x7f", "\a\b\v\f\r", "'", "*", "?", "[", " ", "é"],
    "normal forms": [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")],
    "no UTF-8": ["\udcff", "\udc80\udc81", "\ue000"],
    "options": ["-", "--", "-rf", "--all", ":", ":(top)x", ":/"],
    "byte code": ["x.pyc", "pycache_utils.py", "my_pycache/x", "d/__pycache__", "x/__pycache__.py"],
    "dots": ["...", ".a", "a.", ".gitx", ".gi", "git~2", "git", "x.git", "gitmodules", "..a"],
    "contents": ["empty", "crlf", "binary"],
}


@pytest.mark.interop
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("case", _CURATED)
def test_curated_trees_are_what_git_says(git, case, algorithm):
    repository = git("repository", algorithm)
    package = repository.folder / "pkg"
    contents = {"empty": b"", "crlf": b"a\r\nb\r\n", "binary": bytes(range(256))}
    for name in _CURATED[case]:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_bytes(contents.get(name, os.fsencode(name)))
    repository.add()

    assert hash_pkg(pkgpath=package, algorithm=algorithm) == repository.hash("pkg")


@pytest.mark.interop
def test_every_mode_is_what_git_says(git):
    repository = git()
    package = repository.folder / "pkg"
    package.mkdir()
    for mode in range(0o1000):
        path = package / f"{mode:o}"
        path.write_bytes(b"")
        path.chmod(mode | 0o400)
    repository.add()

    assert hash_pkg(pkgpath=package) == repository.hash("pkg")


@pytest.mark.interop
@pytest.mark.parametrize("name", ["plugin.py", "paquété.py", "-x.py", "a b.py"])
def test_a_single_module_package_is_what_git_says(git, name):
    repository = git()
    (repository.folder / name).write_bytes(b"x = 1\n")
    (repository.folder / "plugin").mkdir()
    (repository.folder / "plugin" / "other.py").write_bytes(b"")
    repository.add()

    assert hash_pkg(pkgpath=repository.folder / name) == repository.hash(name)


@pytest.mark.interop
@pytest.mark.parametrize("name", ["pkg", "paquété", "a\nb", '"', "-p", ":x", "*", "pkg~1"])
def test_neighbours_of_a_package_do_not_count_and_its_name_is_quoted(git, name):
    repository = git()
    for folder in (name, f"{name}_extra", f"{name}-data"):
        (repository.folder / folder).mkdir()
        (repository.folder / folder / "__init__.py").write_bytes(b"")
    (repository.folder / f"{name}.py").write_bytes(b"")
    repository.add()

    assert hash_pkg(pkgpath=repository.folder / name) == repository.hash(name)


@pytest.mark.interop
@pytest.mark.parametrize("prefix", ["src", "src/", "a/b c", "é"])
def test_a_prefix_gives_what_git_says_from_above(git, prefix):
    repository = git()
    package = repository.folder / prefix / "pkg"
    package.mkdir(parents=True)
    (package / "x.py").write_bytes(b"")
    repository.add()

    assert hash_pkg(pkgpath=package, prefix=prefix) == repository.hash(f"{prefix.rstrip('/')}/pkg")
    assert hash_pkg(pkgpath=package) == repository.hash("pkg", cwd=prefix)
