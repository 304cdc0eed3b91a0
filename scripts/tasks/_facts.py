"""The facts that every session goes by: distributions, Pythons, tools, markers, benchmarks."""

from __future__ import annotations

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
ALL_EXTRA_TOOLS = sorted({tool for tools in EXTRA_TOOLS.values() for tool in tools})
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

#: What the pages tell their readers to install besides the four, and how their wheels are built.
PAGES_INSTALL = ("build", "hatchling", "setuptools", "twine", "duckdb-cli")

NEEDS_MORE = "browser or builds or mounts or postgresql or operating or systemd or cron"
SLOW = f"interop or service or fault or first_change or {NEEDS_MORE}"

#: What `nox -s bench` measures, and the program in benchmarks/ that does.
BENCHMARKS = {
    "imports": "imports.py",
    "sign": "sign/__main__.py",
    "sign-wheels": "sign/wheels.py",
    "usage": "usage/__main__.py",
    "usage-uploader": "usage/uploader.py",
    "host-ingest": "host/ingest.py",
    "host-engine": "host/engine.py",
    "host-life": "host/life.py",
    "host-lag": "host/lag.py",
    "host-painted": "host/painted.py",
    "host-answers": "host/answers.py",
    "watch": "watch/__main__.py",
}
