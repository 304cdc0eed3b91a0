"""Every task of the repository; `nox -l` lists them, CI only calls them."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import sys

import nox

# What sessions share: the distributions and tools, the machine, our wheels, how pytest is run.
sys.path.insert(0, str(pathlib.Path(__file__).parent / "scripts"))

from tasks._facts import (
    ALL_EXTRA_TOOLS,
    BENCHMARKS,
    DISTS,
    EXTRA_TOOLS,
    LEAVES,
    NEEDS_MORE,
    ORACLES,
    RELEASE_ORACLES,
    ROOT,
    SLOW,
    TEST_TOOLS,
    TOMORROW,
)
from tasks._machine import found_pythons, need, need_postgresql
from tasks._suites import copied_tests, run_pytest
from tasks._wheels import install, wheelhouse, wheels

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_external_run = True

# A shell ignores SIGINT for what it starts in the background, nohup ignores SIGHUP, and children
# inherit that; the tests that press Ctrl-C or hang up need them as a terminal gives them.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Without byte code every command that a test starts would compile its libraries anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PYTHONS = found_pythons()
OLDEST_AND_NEWEST = list(dict.fromkeys([PYTHONS[0], PYTHONS[-1]]))
NEWEST = PYTHONS[-1]

# What `nox` alone runs: all that needs only Python, git and openssl, within ten minutes on two
# cores. The oldest Python runs the fast tests of all at once, the newest those of each wheel alone.
# CI also runs `tests` on the other Pythons, `faults`, `lowest`, and `alone` on the oldest.
nox.options.sessions = [
    "lint", "types", f"tests-{PYTHONS[0]}", f"alone-{NEWEST}", "together", "interop",
    f"readme-{NEWEST}", "docs", "build",
]  # fmt: skip


# --- sessions that need only Python, git and openssl ------------------------------------


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The fast tests and the laws of the repository, on every Python found."""
    _fast_tests(session)


@nox.session(python=TOMORROW, default=False)
def tomorrow(session: nox.Session) -> None:
    """The fast tests on Pythons that no classifier claims yet, a free-threaded one among them."""
    _fast_tests(session)


@nox.session(python=PYTHONS)
@nox.parametrize("dist", DISTS, ids=DISTS)
def alone(session: nox.Session, dist: str) -> None:
    """One distribution from its wheel, siblings not findable, real services included."""
    dists = DISTS if dist == "otumat" else (dist,)  # the leaves are what the meta depends on
    install(session, dists, *TEST_TOOLS, *EXTRA_TOOLS[dist])
    siblings = [other.replace("-", "_") for other in DISTS if other not in dists]
    session.run("python", "-I", "scripts/tasks/absent.py", *siblings)
    session.run(dist, "--version")
    tests = copied_tests(session, dist)
    with session.chdir(tests.parent):
        run_pytest(session, "-n", "2", "-m", f"not (interop or fault or {NEEDS_MORE})", str(tests),
                *session.posargs)  # fmt: skip


@nox.session(python=NEWEST)
def together(session: nox.Session) -> None:
    """All four from their wheels as `pip install otumat` brings them, and the examples."""
    need(session, "git", "openssl")
    tools = ("build", "hatchling>=1.28", "setuptools>=77", *RELEASE_ORACLES)
    install(session, DISTS, *TEST_TOOLS, *ALL_EXTRA_TOOLS, *tools)
    session.run("otumat", "--version")
    run_pytest(session, "-n", "2", "-m", "service or interop", "tests", "packages/otumat/tests",
               *session.posargs)  # fmt: skip


@nox.session(python=OLDEST_AND_NEWEST)
def lowest(session: nox.Session) -> None:
    """The fast tests with every direct dependency at its floor."""
    install(session, DISTS, "packaging")
    floors = session.run("python", "-I", "scripts/tasks/floors.py", *DISTS, silent=True, log=False)
    install(session, DISTS, *TEST_TOOLS, *ALL_EXTRA_TOOLS, *floors.split())
    run_pytest(session, "-n", "2", "-m", f"not ({SLOW} or readme or docs)",
               *(f"packages/{dist}/tests" for dist in DISTS), *session.posargs)  # fmt: skip


@nox.session(python=NEWEST)
def interop(session: nox.Session) -> None:
    """Ask the outside oracles: git, openssl, sha256sum, setuptools, hatchling, pip."""
    need(session, "git", "openssl", "sha256sum")
    install(session, DISTS, *TEST_TOOLS, *ALL_EXTRA_TOOLS, *ORACLES)
    paths = session.posargs or [f"packages/{dist}/tests" for dist in LEAVES]
    run_pytest(session, "-n", "2", "-m", "interop and not postgresql", *paths)


@nox.session(python=NEWEST, default=False)
def faults(session: nox.Session) -> None:
    """Kills, races and breakages at random: 3 fresh seeds each, printed."""
    _faults(session, seeds="3")


@nox.session(python=NEWEST)
def types(session: nox.Session) -> None:
    """Check every source and the typing tests with mypy, strict."""
    install(session, DISTS, "mypy>=2", "hatchling", "types-setuptools", "watchfiles", "joserfc",
            "nox")  # fmt: skip
    session.run("mypy", *(f"packages/{dist}/src" for dist in DISTS))
    session.run("mypy", "typing_tests")
    session.run("mypy", "scripts/release", "scripts/tasks")


@nox.session
def lint(session: nox.Session) -> None:
    """Style by ruff, workflows by zizmor; `nox -s lint -- --fix` mends what can be mended."""
    session.install("ruff>=0.17", "zizmor>=1.30")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", *([] if session.posargs else ["--check"]))
    session.run("zizmor", "--offline", "--pedantic", "--no-progress", "-q", ".github")


@nox.session(python=OLDEST_AND_NEWEST)
def readme(session: nox.Session) -> None:
    """Run every code block of the READMEs and the documentation, each page in an empty folder."""
    need(session, "git", "openssl", "bash")
    _read_pages(session, "readme")


@nox.session(python=NEWEST)
def docs(session: nox.Session) -> None:
    """Build the documentation into site/ and check it; a broken link or lost page is an error."""
    install(session, DISTS, "sphinx>=8.1", "furo>=2025.9.25", "myst-parser>=4", *TEST_TOOLS)
    site = ROOT / "site"
    shutil.rmtree(site, ignore_errors=True)
    session.run("python", "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html",
                "-d", str(ROOT / ".nox" / "doctrees"), "docs", str(site))  # fmt: skip
    run_pytest(session, "-m", "docs", "tests/test_site.py", *session.posargs)
    session.log(f"read it: {site / 'index.html'}")


@nox.session
def build(session: nox.Session) -> None:
    """Build all sdists and wheels into dist/ and check them as an index would."""
    session.install("build[uv]", "twine>=6.1")
    out = ROOT / "dist"
    shutil.rmtree(out, ignore_errors=True)
    for dist in DISTS:
        session.run("python", "-m", "build", "--installer=uv", "-o", str(out), f"packages/{dist}",
                    silent=True)  # fmt: skip
    files = sorted(out.iterdir())
    session.run("twine", "check", "--strict", *map(str, files))
    for file in files:
        session.log(f"{file.name}: {file.stat().st_size:,} bytes")


# --- a release: docs/releasing.md ---------------------------------------------------------------


@nox.session(python=NEWEST, name="release-check", default=False)
def release_check(session: nox.Session) -> None:
    """All of a release but publishing: `-- DIST [--tag TAG] [--key KEY]`, or `-- --rehearse`."""
    _release(session, "check", *session.posargs)


@nox.session(python=NEWEST, name="release-tag", default=False)
def release_tag(session: nox.Session) -> None:
    """Hold a tag to version and changelog, leaves before the meta: `-- TAG`."""
    _release(session, "tag", *session.posargs)


@nox.session(python=NEWEST, name="release-build", default=False)
def release_build(session: nox.Session) -> None:
    """Build one distribution from the commit, reproducibly: `-- DIST --out dist`."""
    _release(session, "build", *session.posargs)


@nox.session(python=NEWEST, name="release-sign", default=False)
def release_sign(session: nox.Session) -> None:
    """Sign what `release-build` left, if it can be rebuilt: `-- DIST --out dist --key KEY`."""
    _release(session, "sign", *session.posargs)


@nox.session(python=NEWEST, name="release-try", default=False)
def release_try(session: nox.Session) -> None:
    """Install and verify what `release-sign` left, without its key: `-- DIST --out dist`."""
    _release(session, "try", *session.posargs)


@nox.session(python=NEWEST, default=False)
def sbom(session: nox.Session) -> None:
    """Write the bills of materials anew, after a change to a pyproject.toml."""
    _release(session, "sbom")


# --- the README's first command ------------------------------------------------------------------


@nox.session(python=NEWEST, default=False)
def demo(session: nox.Session) -> None:
    """The whole product in about a minute: usage, signing and watching on real input."""
    need(session, "git", "openssl")
    install(session, DISTS, "pip")
    for wheel in (ours := wheels(session)).values():
        session.log(f"{wheel.name}: {wheel.stat().st_size:,} bytes")
    session.run("python", "scripts/demo.py", str(ours["otumat"].parent), *session.posargs)


# --- sessions that need more than Python, git and openssl ----------------------------------------


@nox.session(python=NEWEST, default=False)
def browser(session: nox.Session) -> None:
    """The consent page and the dashboard in a real Chromium (needs Debian's `chromium`)."""
    if not os.environ.get("OTUMAT_CHROMIUM"):
        need(session, "chromium")
    tools = ("playwright>=1.50", "axe-playwright-python>=0.1.4")
    install(session, DISTS, *TEST_TOOLS, *ALL_EXTRA_TOOLS, *tools)
    run_pytest(
        session, "-m", "browser and not postgresql", "packages/otumat-usage/tests", *session.posargs
    )


@nox.session(python=OLDEST_AND_NEWEST, default=False)
def builds(session: nox.Session) -> None:
    """Sign the wheels of every backend (needs Debian's `cargo` and `gcc`)."""
    need(session, "git", "openssl", "cargo", "gcc", "bash")
    install(session, ("otumat-sign",), *TEST_TOOLS, *EXTRA_TOOLS["otumat-sign"])
    run_pytest(session, "-n", "2", "-m", "builds", "packages/otumat-sign/tests", *session.posargs)


@nox.session(python=NEWEST, default=False)
def mounts(session: nox.Session) -> None:
    """On mounts, without inotify, on a full disk (root; `fuse3`, `bindfs`, `postgresql`)."""
    need(session, "unshare", "mount", "fusermount3", "bindfs")
    need_postgresql(session)
    dists = ("otumat-usage", "otumat-watch")
    install(session, dists, *TEST_TOOLS, *ALL_EXTRA_TOOLS, extras="host,postgresql")
    paths = [f"packages/{dist}/tests" for dist in dists]
    run_pytest(session, "-m", "mounts", *(session.posargs or paths))


@nox.session(python=NEWEST, default=False)
def postgresql(session: nox.Session) -> None:
    """The host on a real PostgreSQL that the tests start (needs Debian's `postgresql`)."""
    need_postgresql(session)
    tools = (*TEST_TOOLS, *EXTRA_TOOLS["otumat-usage"])
    install(session, ("otumat-usage",), *tools, extras="host,postgresql")
    run_pytest(session, "-n", "2", "-m", "postgresql and not (browser or interop or mounts)",
               "packages/otumat-usage/tests/host", *session.posargs,
               env={"OTUMAT_SEEDS": os.environ.get("OTUMAT_SEEDS", "1")})  # fmt: skip


@nox.session(python=NEWEST, default=False)
def operating(session: nox.Session) -> None:
    """What pages say to operators (Debian: `nginx-light`, `postgresql`, `curl`, `systemd`)."""
    need(session, "git", "openssl", "bash", "curl", "ssh-keygen", "systemd-analyze")
    need_postgresql(session)
    _read_pages(session, "operating")


@nox.session(python=NEWEST, name="first-change", default=False)
def first_change(session: nox.Session) -> None:
    """CONTRIBUTING's first change, walked in a fresh clone of the commit."""
    need(session, "git", "openssl", "bash")
    session.install(*TEST_TOOLS)
    run_pytest(session, "-s", "tests/readmes/test_first_change.py", *session.posargs)


@nox.session(python=NEWEST, default=False)
def systemd(session: nox.Session) -> None:
    """The background job under a real systemd user manager (needs root and Debian's `systemd`)."""
    need(session, "unshare", "mount", "nsenter", "systemctl")
    install(session, ("otumat-usage",), *TEST_TOOLS, *EXTRA_TOOLS["otumat-usage"])
    run_pytest(session, "-m", "systemd", "packages/otumat-usage/tests", *session.posargs)


@nox.session(python=NEWEST, default=False)
def cron(session: nox.Session) -> None:
    """The background job under a real cron (needs root and Debian's `cron`)."""
    need(session, "unshare", "mount", "nsenter", "cron", "crontab")
    install(session, ("otumat-usage",), *TEST_TOOLS, *EXTRA_TOOLS["otumat-usage"])
    run_pytest(session, "-m", "cron", "packages/otumat-usage/tests", *session.posargs)


@nox.session(python=NEWEST, default=False)
def scheduler(session: nox.Session) -> None:
    """The background job under this system's own launchd or Task Scheduler (macOS, Windows)."""
    real = {"darwin": "launchd", "win32": "taskscheduler"}.get(sys.platform)
    if real is None:
        session.error("this session is for macOS and Windows; on Linux: nox -s systemd cron")
    install(session, ("otumat-usage",), *TEST_TOOLS, *EXTRA_TOOLS["otumat-usage"])
    run_pytest(session, f"packages/otumat-usage/tests/jobs/test_real_{real}.py", *session.posargs)


@nox.session(python=NEWEST, default=False)
def bench(session: nox.Session) -> None:
    """Benchmarks, ours beside the peers in one run: `nox -s bench -- AREA [arguments]`."""
    programs = {area: ROOT / "benchmarks" / path for area, path in BENCHMARKS.items()}
    if not session.posargs or session.posargs[0] not in programs:
        session.error(f"say which of {', '.join(programs)}: nox -s bench -- imports")
    area, *more = session.posargs
    install(session, DISTS)
    peers = programs[area].parent / "requirements.txt"
    if peers.exists():
        session.install("-r", str(peers))
    session.run("python", str(programs[area]), *more)


@nox.session(python=NEWEST, default=False)
def soak(session: nox.Session) -> None:
    """The fault tests, 20 seeds each, the host's on both engines (needs Debian's `postgresql`)."""
    need_postgresql(session)
    _faults(session, seeds="20")
    session.install("psycopg[binary]>=3.2")
    run_pytest(session, "-n", "2", "-m", "fault and postgresql", "packages/otumat-usage/tests/host",
               name="soak-postgresql", env={"OTUMAT_SEEDS": "20"})  # fmt: skip


# --- what several sessions are ------------------------------------------------------------------


def _fast_tests(session: nox.Session) -> None:
    install(session, DISTS, *TEST_TOOLS, *ALL_EXTRA_TOOLS)
    paths = session.posargs or ["tests", *(f"packages/{dist}/tests" for dist in DISTS)]
    run_pytest(session, "-n", "2", "-m", f"not ({SLOW} or readme or docs)", *paths)


def _read_pages(session: nox.Session, marker: str) -> None:
    """Run the blocks of pages; those that install find what they need in a folder of wheels."""
    install(session, DISTS, "build", "hatchling", "pip", *TEST_TOOLS)
    run_pytest(session, "-n", "2", "-m", marker, "tests/readmes", *session.posargs,
               env={"OTUMAT_WHEELHOUSE": str(wheelhouse(session))})  # fmt: skip


def _faults(session: nox.Session, seeds: str) -> None:
    need(session, "openssl")
    install(session, DISTS, *TEST_TOOLS, *ALL_EXTRA_TOOLS)
    paths = session.posargs or [f"packages/{dist}/tests" for dist in LEAVES]
    run_pytest(
        session, "-n", "2", "-m", "fault and not postgresql", *paths, env={"OTUMAT_SEEDS": seeds}
    )


def _release(session: nox.Session, *args: str) -> None:
    """Run `python -m release` beside tools pinned by hash, and otumat-sign as it is here."""
    need(session, "git", "openssl", "sha256sum")
    scripts = ROOT / "scripts"
    session.install("--require-hashes", "-r", str(scripts / "release" / "requirements.txt"))
    session.install("--no-deps", "--no-build-isolation", str(ROOT / "packages" / "otumat-sign"))
    session.run("python", "-m", "release", *args, env={"PYTHONPATH": str(scripts)})
