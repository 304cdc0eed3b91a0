"""Quoting and refused names are git's."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_sign import RefusedPathError, hash_pkg
from otumat_sign._listing import lines, quote, quote_all, refuse_links, refuse_names

HEAD = "100644 e69de29bb2d1d6434b8b29ae775ad8c2e48c5391 0\t"


# Printed by git 2.39.5: git ls-files
@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        (b"plain name-'*?[~", b"plain name-'*?[~"),
        (b'"', rb'"\""'),
        (b"\\", rb'"\\"'),
        (b"\a\b\t\n\v\f\r", rb'"\a\b\t\n\v\f\r"'),
        (b"\x01\x1f\x7f\x80\xff", rb'"\001\037\177\200\377"'),
        ("paquété/x".encode(), rb'"paqu\303\251t\303\251/x"'),
    ],
    ids=repr,
)
def test_names_are_quoted_as_git_quotes_them(path, quoted):
    assert quote(path) == quoted


@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(min_size=1).filter(lambda path: b"\0" not in path), min_size=1))
def test_quoting_all_paths_at_once_is_quoting_each(paths):
    plain = [b"".join(bytes([b]) for b in path if 0x20 < b < 0x7F) or b"x" for path in paths]

    for some in (paths, plain):
        listing = b"".join(HEAD.encode() + quote(path) + b"\n" for path in some)
        assert lines([HEAD] * len(some), quote_all(some)) == listing


REFUSED = [".git", ".GIT", ".gIt", "git~1", "GIT~1", ".git.", ".git ", ".git . .", "git~1 "]
REFUSED += ["\\\\.git", ".git:x", ".git::$INDEX_ALLOCATION", "a\\.git", "a\\git~1\\b", ".git\\x"]
ACCEPTED = [".gi", ".gitx", ".git~1", "git~2", "git", "x.git", ".git.x", ".gitignore", "a:.git"]
ACCEPTED += ["\\.git", ".gitmodules", "gi7eba~1", " .git", "~", "git~10"]
REFUSED_LINKS = [".gitmodules", ".GITMODULES", "gitmod~1", "gitmod~4", "gi7eba~1", "gi7eb~10"]
REFUSED_LINKS += ["g~100000", "~1000000", ".gitmodules ", ".gitmodules.:x", "a\\.gitmodules"]
ACCEPTED_LINKS = [".gitmodule", "gitmod~5", "gi7eba~0", "gi7eba~10", "gi7eb~1", "~100000", "g~1"]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("place", ["pkg/{}", "pkg/{}/x", "pkg/a/{}"])
def test_names_that_git_refuses_are_refused_by_name(name, place):
    path = place.format(name)

    with pytest.raises(RefusedPathError, match="git refuses this name"):
        refuse_names([b"pkg/x", path.encode()])


@pytest.mark.parametrize("name", ACCEPTED)
def test_names_that_only_look_like_it_are_accepted(name):
    refuse_names([f"pkg/{name}".encode()])


@pytest.mark.parametrize("name", REFUSED_LINKS)
def test_links_with_names_that_git_reads_itself_are_refused(name):
    path = [f"pkg/{name}".encode()]
    refuse_links([HEAD], path)

    with pytest.raises(RefusedPathError):
        refuse_links([HEAD.replace("100644", "120000")], path)


@pytest.mark.parametrize("name", ACCEPTED_LINKS)
def test_links_that_only_look_like_it_are_accepted(name):
    refuse_links([HEAD.replace("100644", "120000")], [f"pkg/{name}".encode()])


def test_a_refused_name_is_seen_before_any_file_is_read(tmp_path):
    (tmp_path / "pkg" / ".git").mkdir(parents=True)
    (tmp_path / "pkg" / ".git" / "HEAD").symlink_to("/nowhere")

    with pytest.raises(RefusedPathError, match=r"pkg/.git/HEAD"):
        hash_pkg(pkgpath=tmp_path / "pkg")


# --- git itself ---


def _git_accepts(repository, path: bytes, mode: str) -> bool:
    blob = b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    entry = b"%b,%b,%b" % (mode.encode(), blob, path)
    try:
        repository.run("update-index", "--add", "--replace", "--cacheinfo", entry)
    except AssertionError:
        return False
    return True


def _we_accept(path: bytes, mode: str) -> bool:
    try:
        refuse_names([path])
        refuse_links([HEAD.replace("100644", mode)], [path])
    except RefusedPathError:
        return False
    return True


@pytest.mark.interop
def test_git_refuses_and_accepts_the_same_curated_names(git):
    repository = git()
    names = [*REFUSED, *ACCEPTED, *REFUSED_LINKS, *ACCEPTED_LINKS]
    paths = [f"{place}{name}".encode() for name in names for place in ("p/", "p/.gitmodules/", "")]

    for path in paths:
        for mode in ("100644", "120000"):
            assert _we_accept(path, mode) == _git_accepts(repository, path, mode), (path, mode)


@pytest.mark.interop
def test_git_refuses_and_accepts_the_same_random_names(git, seed):
    dice = random.Random(seed)
    repository = git()
    pieces = [b".git", b"git", b"modules", b".", b" ", b"~", b"1", b"0", b"~1", b"gi7eba", b":"]
    pieces += [b"\\", b"/", b"gitmod", b"GIT", b"x", b"g", b"gi7", b"5", b"9000"]

    for _ in range(150):
        parts = b"".join(dice.choices(pieces, k=dice.randint(1, 6))).split(b"/")
        path = b"/".join(part for part in parts if part.strip(b".") or len(part) > 2) or b"x"
        if b"//" in path:
            continue
        mode = dice.choice(["100644", "120000"])
        assert _we_accept(path, mode) == _git_accepts(repository, path, mode), (seed, path, mode)


@pytest.mark.interop
def test_quoting_is_what_git_prints_for_every_byte(git):
    repository = git()
    for byte in range(1, 256):
        if byte not in b"/":
            name = b"pkg/x%c" % byte
            blob = b"100644 e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\t%b\0" % name
            repository.run("update-index", "-z", "--index-info", stdin=blob)
    raw = repository.run("ls-files", "-z").split(b"\0")[:-1]

    assert repository.run("ls-files").splitlines() == [quote(path) for path in raw]
