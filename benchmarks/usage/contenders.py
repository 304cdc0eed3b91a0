"""The clients that are measured: how each is set up, and how it records one event called *name*."""

# Prints tables and runs programs.
# ruff: noqa: ANN001, ANN003, ANN201
import dataclasses
import pathlib
import subprocess
import sys
import tempfile

AGENT = """
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="@host@")
"""


@dataclasses.dataclass
class Contender:
    """*python* is None for the one that runs this; *calls* is how many are timed."""

    name: str
    load: str
    setup: str
    call: str
    calls: int = 2000
    python: str = sys.executable


OURS = Contender(
    "otumat-usage", "import otumat_usage", AGENT, "agent.log(event_type=name)", calls=20_000
)
PEERS = [
    Contender(
        "posthog", "import posthog",
        "from posthog import Posthog\nc = Posthog('k', host='@host@')",
        "c.capture(name, distinct_id='1')",
    ),
    Contender(
        "sentry-sdk", "import sentry_sdk",
        "import sentry_sdk\nsentry_sdk.init('http://k@@name@/1')",
        "sentry_sdk.capture_message(name)",
    ),
    Contender(
        "segment", "import segment.analytics",
        "import segment.analytics as a\na.write_key = 'k'; a.host = '@host@'",
        "a.track('u', name)",
    ),
    Contender(
        "migas", "import migas",
        "import migas\nmigas.setup(endpoint='@host@/graphql')",
        "migas.add_breadcrumb('p', name)", calls=500,
    ),
]  # fmt: skip
ARCHIVED = Contender(
    "otumat 0.3.1", "import otumat.usage",
    "from otumat.usage import UsageAgent\n"
    "agent = UsageAgent(author='a', data_directory='d', package_name='p', host='@host@')",
    "agent.log(event_type=name)", calls=1000,
)  # fmt: skip


def present(contender):
    """Say whether it can be imported, and why not."""
    done = subprocess.run(
        [contender.python, "-W", "ignore", "-c", contender.load],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["?"])[-1]


def archived():
    """Install otumat 0.3.1 in an environment of its own; return it, or why that cannot be."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="otumat-0.3.1-"))
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    # 0.3.1 loads pkg_resources, which setuptools has dropped since.
    wanted = ["otumat==0.3.1", "setuptools<81"]
    for argv in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted],
    ):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            return folder, None, (done.stderr.strip().splitlines() or ["?"])[-1]
    found = dataclasses.replace(ARCHIVED, python=str(python))
    why = present(found)
    return folder, None if why else found, why


def filled(code, one, **more):
    """Return a program with the words of a contender in it."""
    for key, value in {"setup": one.setup, "call": one.call, **more}.items():
        code = code.replace("{" + key + "}", str(value))
    return code
