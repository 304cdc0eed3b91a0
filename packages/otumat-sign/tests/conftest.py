"""A machine without a user, the oracles git and openssl, keys of every kind, nasty trees."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import subprocess
import unicodedata
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from otumat_sign import _keys, cli


@pytest.fixture(autouse=True)
def _nobody_at_home(tmp_path_factory, monkeypatch):
    """Every test has an empty home and none of the variables that change what we or git do."""
    home = str(tmp_path_factory.mktemp("home"))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, home)
    for name in list(os.environ):
        if name.startswith(("OTUMAT_", "GIT_")) and name not in ("OTUMAT_SEEDS", "OTUMAT_SEED"):
            monkeypatch.delenv(name)
    for name in ("CI", "DO_NOT_TRACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def _oracle(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is not installed: it is the oracle of this test")
    return path


class Git:
    """The real git in one repository that starts empty."""

    def __init__(self, folder: pathlib.Path, algorithm: str = "sha1") -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._program = _oracle("git")
        self.run("init", "-q", f"--object-format={algorithm}")
        (folder / ".git/info").mkdir(exist_ok=True)
        (folder / ".git/info/exclude").write_text("__pycache__/\n")

    def run(self, *arguments: str | bytes, stdin: bytes = b"", cwd: str = "") -> bytes:
        environment = {**os.environ, "GIT_LITERAL_PATHSPECS": "1"}
        done = subprocess.run(
            [self._program, *arguments],
            cwd=self.folder / cwd,
            env=environment,
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def hash(self, package: str | bytes, cwd: str = "") -> str:
        """The documented pipeline, after everything has been added."""
        listing = self.run("ls-files", "-s", "--", package, cwd=cwd)
        return self.run("hash-object", "--stdin", stdin=listing).decode().strip()

    def add(self) -> None:
        self.run("add", ".", "--all")


@pytest.fixture
def git(tmp_path):
    """Make a repository; git must be installed."""

    def make(name: str = "repository", algorithm: str = "sha1") -> Git:
        return Git(tmp_path / name, algorithm)

    return make


@pytest.fixture
def openssl(tmp_path):
    """Run openssl in the test's folder; it must be installed."""
    program = _oracle("openssl")

    def run(*arguments: str, stdin: bytes = b"", fails: bool = False) -> bytes:
        done = subprocess.run(
            [program, *arguments], cwd=tmp_path, input=stdin, capture_output=True, check=False
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stdout

    return run


class Pair:
    """A key pair in files: `key` and `pub`."""

    def __init__(self, folder: pathlib.Path, kind: str, passphrase: bytes | None) -> None:
        private, public = _keys.generate(kind, passphrase)
        name = f"{kind}-{'secret' if passphrase else 'open'}"
        self.key, self.pub = folder / f"{name}.pem", folder / f"{name}.pub"
        self.key.write_bytes(private)
        self.pub.write_bytes(public)


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """Return the key pair of a kind, made once; with a passphrase it is another one."""
    folder = tmp_path_factory.mktemp("keys")
    made: dict[tuple[str, bytes | None], Pair] = {}

    def get(kind: str = "ed25519", passphrase: bytes | None = None) -> Pair:
        if (kind, passphrase) not in made:
            made[kind, passphrase] = Pair(folder, kind, passphrase)
        return made[kind, passphrase]

    return get


@pytest.fixture
def run():
    """Run ``otumat-sign`` with these arguments in this process; return click's result."""
    separate = {"mix_stderr": False} if version("click") < "8.2" else {}
    runner = CliRunner(**separate)

    def invoke(*arguments: str | pathlib.Path, **options):
        return runner.invoke(cli.group, [str(argument) for argument in arguments], **options)

    return invoke


#: What makes names nasty: order around "/", quoting, options, patterns, bytes that are no UTF-8.
_PIECES = [
    *(bytes([byte]) for byte in range(1, 256) if byte not in b"/"),
    *(b"a", b"b", b"pkg", b".py", b".pyc", b"__pycache__", b"pycache_utils", b"-", b"--", b" "),
    *(b"..", b"...", b".git", b".gitx", b"git~2", b"~1", b"*", b"[a]", b"?", b":(top)", b":"),
    "é".encode(),
    unicodedata.normalize("NFD", "é").encode(),
    "日本".encode(),
    "\U0001f600".encode(),
]
_PLAIN_PIECES = [b"a", b"b", b"_", b".", b"-", b"+", b"0", b"py", b"init", b"c", b"~", b"A"]
#: git refuses these, so no tree can hold them; other tests have them. The last two would
#: change what git adds.
_IMPOSSIBLE = {b".git", b"git~1", b".gitmodules", b".gitignore", b".gitattributes"}


class Forest:
    """Plants random trees that are as nasty as git can hold."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def name(self) -> bytes:
        pieces = _PIECES if self.random.random() < 0.6 else _PLAIN_PIECES
        while True:
            name = b"".join(self.random.choices(pieces, k=self.random.randint(1, 4)))
            stem = name.replace(b"\\", b"/").lower().split(b"/")
            bad = {part.split(b":")[0].rstrip(b". ") for part in stem} & _IMPOSSIBLE
            if name not in (b".", b"..") and not bad and b"gi7eba" not in name:
                return name

    def content(self) -> bytes:
        kind = self.random.randrange(6)
        if kind == 0:
            return b""
        size = self.random.choice([1, 100, 4095, 4096, 32767, 32768, 32769, 300_000])
        if kind == 1:
            return b"line\r\n" * (size // 6 + 1)
        return self.random.randbytes(size if kind < 4 else size % 5000)

    def plant(self, folder: bytes, depth: int = 3) -> None:
        """Fill *folder* with files, links, modes, and folders of the same."""
        os.mkdir(folder)  # noqa: PTH102 -- bytes
        for _ in range(self.random.randint(1, 6)):
            path = folder + b"/" + self.name()
            if os.path.lexists(path):
                continue
            kind = self.random.randrange(10)
            if kind < 2 and depth:
                self.plant(path, depth - 1)
            elif kind == 2:
                os.symlink(self.name() * self.random.randint(1, 20), path)  # noqa: PTH211 -- bytes
            else:
                with open(path, "wb") as file:  # noqa: PTH123 -- bytes
                    file.write(self.content())
                mode = self.random.choice([0o644, 0o755, 0o600, 0o654, 0o645, 0o4755])
                os.chmod(path, mode)  # noqa: PTH101 -- bytes


@pytest.fixture
def forest():
    """Return a `Forest` that grows from a seed."""
    return Forest


def pytest_generate_tests(metafunc):
    """Give a test that asks for `seed` fresh ones (OTUMAT_SEEDS), or the one of OTUMAT_SEED."""
    if "seed" in metafunc.fixturenames:
        pinned = os.environ.get("OTUMAT_SEED")
        # All processes of pytest-xdist must find the same seeds.
        fresh = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
        count = int(os.environ.get("OTUMAT_SEEDS", "3"))
        seeds = [int(pinned)] if pinned else [fresh.getrandbits(32) for _ in range(count)]
        metafunc.parametrize("seed", seeds, ids=[f"seed{seed}" for seed in seeds])
