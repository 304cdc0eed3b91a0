"""Every task of the repository; `nox -l` lists them, CI only calls them."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import nox

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

ROOT = pathlib.Path(__file__).parent
DISTS = ("otumat-sign", "otumat-usage", "otumat-watch", "otumat")
LEAVES = DISTS[:3]
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
#: Declared, not claimed: CI runs them and may fail. A classifier comes after a run that did not.
TOMORROW = ("3.13t", "3.14", "3.14t")
TEST_TOOLS = ("pytest>=9.0.1", "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hypothesis>=6.100")
#: What the tests of one distribution need besides the test tools.
EXTRA_TOOLS: dict[str, tuple[str, ...]] = {
    "otumat-sign": ("uv",),  # the tests make environments and build wheels with it
    "otumat": ("pyyaml>=6",),  # the laws of the repository read the workflows
    "otumat-watch": ("watchfiles>=1",),  # the seam of macOS and Windows, run for real on Linux
    "otumat-usage": (
        "oauthlib>=3.2",  # the outside oracle of the host's OAuth
        "prometheus-client>=0.20",  # and of its metrics
        "nbclient>=0.10",
        "ipykernel>=6.29",  # a real notebook
    ),
}
#: Outside oracles that only the session `interop` asks.
ORACLES = (
    "schemathesis>=4",
    "aiosmtpd>=1.4.6",
    "oidc-provider-mock>=0.4",
    "joserfc>=1.0",
    "pyarrow>=18",
    "duckdb>=1.1",
)
#: And those that the tests of the release scripts ask.
RELEASE_ORACLES = ("twine>=6.1", "zizmor>=1.30", "cyclonedx-python-lib[json-validation]>=8")
NEEDS_MORE = "browser or builds or mounts or postgresql or systemd or cron"
#: What `nox -s bench` measures, and the program that does.
BENCHMARKS = {
    "imports": "imports.py",
    "sign": "sign/__main__.py",
    "sign-wheels": "sign/wheels.py",
    "usage": "usage/__main__.py",
    "usage-uploader": "usage/uploader.py",
    "host-ingest": "host/ingest.py",
    "host-life": "host/life.py",
    "host-painted": "host/painted.py",
    "host-answers": "host/answers.py",
    "watch": "watch/__main__.py",
}
SLOW = f"interop or service or fault or {NEEDS_MORE}"


def _found_pythons() -> list[str]:
    """Return the supported Pythons that answer on this machine, else the one that runs nox."""
    found = []
    for version in SUPPORTED:
        python = shutil.which(f"python{version}")
        # A pyenv shim exists for every installed version but answers only for the active ones.
        if (
            python
            and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            found.append(version)
    return found or [f"{sys.version_info.major}.{sys.version_info.minor}"]


PYTHONS = _found_pythons()
OLDEST_AND_NEWEST = list(dict.fromkeys([PYTHONS[0], PYTHONS[-1]]))
NEWEST = PYTHONS[-1]

# What `nox` alone runs: all that needs only Python, git and openssl, within ten minutes on two
# cores. CI also runs `tests` on the Pythons between, `faults`, `lowest`, and `alone` on the oldest.
nox.options.sessions = [
    "lint", "types", *(f"tests-{python}" for python in OLDEST_AND_NEWEST), f"alone-{NEWEST}",
    "together", "interop", f"readme-{NEWEST}", "docs", "build",
]  # fmt: skip


# --- what sessions share ---------------------------------------------------------------------


def _wheels(session: nox.Session, _built: dict[str, pathlib.Path] = {}) -> dict[str, pathlib.Path]:  # noqa: B006 - built once per run
    """Build the four wheels once per run of nox and return them by distribution."""
    if not _built:
        out = ROOT / ".nox" / "wheels"
        shutil.rmtree(out, ignore_errors=True)
        uv = session.venv_backend == "uv"
        pip = ["pip", "wheel", "-q", "--no-deps", "-w"]
        build = ["uv", "build", "-q", "--wheel", "-o"] if uv else pip
        for dist in DISTS:
            session.run(*build, str(out), f"packages/{dist}", silent=True)
            (_built[dist],) = out.glob(f"{dist.replace('-', '_')}-*.whl")
    return _built


def _install(session: nox.Session, dists: tuple[str, ...], *more: str) -> None:
    """Install the wheels of *dists* (usage with its host), and nothing of the working tree."""
    wheels = _wheels(session)
    named = [f"{wheels[d]}[host]" if d == "otumat-usage" else str(wheels[d]) for d in dists]
    session.install(*named, *more)


def _install_suite(session: nox.Session, *more: str) -> None:
    """Install what `pip install otumat "otumat-usage[host]"` will bring, from our own wheels."""
    wheels = _wheels(session)
    usage = f"{wheels['otumat-usage']}[host]"
    others = [str(wheel) for dist, wheel in wheels.items() if dist != "otumat-usage"]
    session.install(*others, usage, *more)


def _pytest(session: nox.Session, *args: str, name: str | None = None, **kwargs: object) -> None:
    """Run pytest with the settings of the root, from wherever the tests are."""
    report = []
    if reports := os.environ.get("OTUMAT_REPORTS"):
        label = re.sub(r"[^\w.-]+", "-", name or session.name).strip("-")
        report = [f"--junitxml={pathlib.Path(reports).resolve() / label}.xml"]
    session.run(
        "python", "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"),
        f"--rootdir={ROOT}", "-p", "no:cacheprovider", *report, *args, **kwargs,
    )  # fmt: skip


def _need(session: nox.Session, *tools: str) -> None:
    """End the session with one line where a tool that it needs is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            session.error(f"this session needs `{tool}`: install it (Debian: apt install {tool})")


def _copied_tests(session: nox.Session, dist: str) -> pathlib.Path:
    """Copy the tests of *dist* out of the tree, so that they can only meet the wheel."""
    target = pathlib.Path(session.create_tmp()).resolve() / dist / "tests"
    shutil.rmtree(target.parent, ignore_errors=True)
    shutil.copytree(
        ROOT / "packages" / dist / "tests", target, ignore=shutil.ignore_patterns("__pycache__")
    )
    return target


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
    if dist == "otumat":  # its siblings are its dependencies: they come from our wheels
        _install_suite(session, *TEST_TOOLS, *EXTRA_TOOLS.get(dist, ()))
        siblings = []
    else:
        _install(session, (dist,), *TEST_TOOLS, *EXTRA_TOOLS.get(dist, ()))
        siblings = [d.replace("-", "_") for d in DISTS if d != dist]
    session.run("python", "-I", "-c", (
        "import importlib.util as util, sys\n"
        f"found = [name for name in {siblings} if util.find_spec(name)]\n"
        "sys.exit(f'siblings can be imported: {found}' if found else 0)"
    ))  # fmt: skip
    session.run(dist, "--version")
    tests = _copied_tests(session, dist)
    with session.chdir(tests.parent):
        _pytest(session, "-n", "2", "-m", f"not (interop or fault or {NEEDS_MORE})", str(tests),
                *session.posargs)  # fmt: skip


@nox.session(python=NEWEST)
def together(session: nox.Session) -> None:
    """All four from their wheels as `pip install otumat` brings them, and the examples."""
    _need(session, "git", "openssl")
    _install_suite(
        session,
        "build",
        "hatchling>=1.28",
        "setuptools>=77",
        *TEST_TOOLS,
        *_all_extra_tools(),
        *RELEASE_ORACLES,
    )
    session.run("otumat", "--version")
    _pytest(session, "-n", "2", "-m", "service or interop", "tests", "packages/otumat/tests",
            *session.posargs)  # fmt: skip


@nox.session(python=OLDEST_AND_NEWEST)
def lowest(session: nox.Session) -> None:
    """The fast tests with every direct dependency at its floor."""
    _install(session, DISTS, *TEST_TOOLS, *_all_extra_tools(), *_floors(session))
    _pytest(session, "-n", "2", "-m", f"not ({SLOW} or readme or docs)",
            *(f"packages/{dist}/tests" for dist in DISTS), *session.posargs)  # fmt: skip


@nox.session(python=NEWEST)
def interop(session: nox.Session) -> None:
    """Ask the outside oracles: git, openssl, sha256sum, setuptools, hatchling, pip."""
    _need(session, "git", "openssl", "sha256sum")
    _install(session, DISTS, *TEST_TOOLS, *_all_extra_tools(), *ORACLES)
    paths = session.posargs or [f"packages/{dist}/tests" for dist in LEAVES]
    _pytest(session, "-n", "2", "-m", "interop and not postgresql", *paths)


@nox.session(python=NEWEST, default=False)
def faults(session: nox.Session) -> None:
    """Kills, races and breakages at random: 3 fresh seeds each, printed."""
    _faults(session, seeds="3")


@nox.session(python=NEWEST)
def types(session: nox.Session) -> None:
    """Check every source and the typing tests with mypy, strict."""
    _install(session, DISTS, "mypy>=2", "hatchling", "types-setuptools", "watchfiles", "joserfc")
    session.run("mypy", *(f"packages/{dist}/src" for dist in DISTS))
    session.run("mypy", "typing_tests")
    session.run("mypy", "scripts/release")


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
    _need(session, "git", "openssl", "bash")
    _install(session, DISTS, "build", "hatchling", "pip", *TEST_TOOLS)
    _pytest(session, "-n", "2", "-m", "readme", "tests/test_readmes.py", *session.posargs)


@nox.session(python=NEWEST)
def docs(session: nox.Session) -> None:
    """Build the documentation into site/ and check it; a broken link or lost page is an error."""
    _install(session, DISTS, "sphinx>=8.1", "furo>=2025.9.25", "myst-parser>=4", *TEST_TOOLS)
    site = ROOT / "site"
    shutil.rmtree(site, ignore_errors=True)
    session.run("python", "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html",
                "-d", str(ROOT / ".nox" / "doctrees"), "docs", str(site))  # fmt: skip
    _pytest(session, "-m", "docs", "tests/test_site.py", *session.posargs)
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
    _need(session, "git", "openssl")
    _install_suite(session, "pip")
    for wheel in (wheels := _wheels(session)).values():
        session.log(f"{wheel.name}: {wheel.stat().st_size:,} bytes")
    session.run("python", "scripts/demo.py", str(wheels["otumat"].parent), *session.posargs)


# --- sessions that need more than Python, git and openssl ----------------------------------------


@nox.session(python=NEWEST, default=False)
def browser(session: nox.Session) -> None:
    """The consent page and the dashboard in a real Chromium (needs Debian's `chromium`)."""
    if not os.environ.get("OTUMAT_CHROMIUM"):
        _need(session, "chromium")
    tools = ("playwright>=1.50", "axe-playwright-python>=0.1.4")
    _install(session, DISTS, *TEST_TOOLS, *_all_extra_tools(), *tools)
    _pytest(
        session, "-m", "browser and not postgresql", "packages/otumat-usage/tests", *session.posargs
    )


@nox.session(python=OLDEST_AND_NEWEST, default=False)
def builds(session: nox.Session) -> None:
    """Sign the wheels of every backend (needs Debian's `cargo` and `gcc`)."""
    _need(session, "git", "openssl", "cargo", "gcc", "bash")
    _install(session, ("otumat-sign",), *TEST_TOOLS, *EXTRA_TOOLS["otumat-sign"])
    _pytest(session, "-n", "2", "-m", "builds", "packages/otumat-sign/tests", *session.posargs)


@nox.session(python=NEWEST, default=False)
def mounts(session: nox.Session) -> None:
    """On mounts, with inotify used up, on a read-only home (root, Debian's `fuse3`, `bindfs`)."""
    _need(session, "unshare", "mount", "fusermount3", "bindfs")
    _install(session, ("otumat-usage", "otumat-watch"), *TEST_TOOLS, *_all_extra_tools())
    paths = [f"packages/{dist}/tests" for dist in ("otumat-usage", "otumat-watch")]
    _pytest(session, "-m", "mounts", *(session.posargs or paths))


@nox.session(python=NEWEST, default=False)
def postgresql(session: nox.Session) -> None:
    """The host on a real PostgreSQL that the tests start (needs Debian's `postgresql`)."""
    if not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        _need(session, "initdb")
    wheel = _wheels(session)["otumat-usage"]
    tools = (*TEST_TOOLS, *EXTRA_TOOLS["otumat-usage"])
    session.install(f"{wheel}[host,postgresql]", *tools)
    _pytest(session, "-n", "2", "-m", "postgresql and not (browser or interop)",
            "packages/otumat-usage/tests/host", *session.posargs,
            env={"OTUMAT_SEEDS": os.environ.get("OTUMAT_SEEDS", "1")})  # fmt: skip


@nox.session(python=NEWEST, default=False)
def systemd(session: nox.Session) -> None:
    """The background job under a real systemd user manager (needs root and Debian's `systemd`)."""
    _need(session, "unshare", "mount", "nsenter", "systemctl")
    _install(session, ("otumat-usage",), *TEST_TOOLS, *EXTRA_TOOLS.get("otumat-usage", ()))
    _pytest(session, "-m", "systemd", "packages/otumat-usage/tests", *session.posargs)


@nox.session(python=NEWEST, default=False)
def cron(session: nox.Session) -> None:
    """The background job under a real cron (needs root and Debian's `cron`)."""
    _need(session, "unshare", "mount", "nsenter", "cron", "crontab")
    _install(session, ("otumat-usage",), *TEST_TOOLS, *EXTRA_TOOLS.get("otumat-usage", ()))
    _pytest(session, "-m", "cron", "packages/otumat-usage/tests", *session.posargs)


@nox.session(python=NEWEST, default=False)
def scheduler(session: nox.Session) -> None:
    """The background job under this system's own launchd or Task Scheduler (macOS, Windows)."""
    real = {"darwin": "launchd", "win32": "taskscheduler"}.get(sys.platform)
    if real is None:
        session.error("this session is for macOS and Windows; on Linux: nox -s systemd cron")
    _install(session, ("otumat-usage",), *TEST_TOOLS, *EXTRA_TOOLS["otumat-usage"])
    _pytest(session, f"packages/otumat-usage/tests/jobs/test_real_{real}.py", *session.posargs)


@nox.session(python=NEWEST, default=False)
def bench(session: nox.Session) -> None:
    """Benchmarks, ours beside the peers in one run: `nox -s bench -- AREA [arguments]`."""
    programs = {area: ROOT / "benchmarks" / path for area, path in BENCHMARKS.items()}
    if not session.posargs or session.posargs[0] not in programs:
        session.error(f"say which of {', '.join(programs)}: nox -s bench -- imports")
    area, *more = session.posargs
    _install(session, DISTS)
    peers = programs[area].parent / "requirements.txt"
    if peers.exists():
        session.install("-r", str(peers))
    session.run("python", str(programs[area]), *more)


@nox.session(python=NEWEST, default=False)
def soak(session: nox.Session) -> None:
    """The fault tests, 20 seeds each, the host's on both engines (needs Debian's `postgresql`)."""
    if not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        _need(session, "initdb")
    _faults(session, seeds="20")
    session.install("psycopg[binary]>=3.2")
    _pytest(session, "-n", "2", "-m", "fault and postgresql", "packages/otumat-usage/tests/host",
            name="soak-postgresql", env={"OTUMAT_SEEDS": "20"})  # fmt: skip


# --- details -------------------------------------------------------------------------------------


def _fast_tests(session: nox.Session) -> None:
    _install(session, DISTS, *TEST_TOOLS, *_all_extra_tools())
    paths = session.posargs or ["tests", *(f"packages/{dist}/tests" for dist in DISTS)]
    _pytest(session, "-n", "2", "-m", f"not ({SLOW} or readme or docs)", *paths)


def _faults(session: nox.Session, seeds: str) -> None:
    _need(session, "openssl")
    _install(session, DISTS, *TEST_TOOLS, *_all_extra_tools())
    paths = session.posargs or [f"packages/{dist}/tests" for dist in LEAVES]
    _pytest(
        session, "-n", "2", "-m", "fault and not postgresql", *paths, env={"OTUMAT_SEEDS": seeds}
    )


def _release(session: nox.Session, *args: str) -> None:
    """Run `python -m release` beside tools pinned by hash, and otumat-sign as it is here."""
    _need(session, "git", "openssl", "sha256sum")
    scripts = ROOT / "scripts"
    session.install("--require-hashes", "-r", str(scripts / "release" / "requirements.txt"))
    session.install("--no-deps", "--no-build-isolation", str(ROOT / "packages" / "otumat-sign"))
    session.run("python", "-m", "release", *args, env={"PYTHONPATH": str(scripts)})


def _all_extra_tools() -> list[str]:
    return sorted({tool for tools in EXTRA_TOOLS.values() for tool in tools})


def _floors(session: nox.Session) -> list[str]:
    """Return `name==floor` for every direct dependency of the four, read from their metadata."""
    code = (
        "import json, importlib.metadata as m\n"
        "from packaging.requirements import Requirement\n"
        f"rows = [Requirement(r) for d in {DISTS} for r in m.requires(d) or []]\n"
        "rows = [r for r in rows if not r.name.startswith('otumat')\n"
        "        and (r.marker is None or r.marker.evaluate({'extra': 'host'}))]\n"
        "print(json.dumps({r.name: min((s.version for s in r.specifier if s.operator == '>='),"
        " default='') for r in rows}))"
    )
    _install(session, DISTS, "packaging")
    floors = json.loads(session.run("python", "-c", code, silent=True, log=False))
    if missing := [name for name, floor in floors.items() if not floor]:
        session.error(f"a dependency without a floor: {missing}")
    return [f"{name}=={floor}" for name, floor in sorted(floors.items())]
