"""What a cold import may load, asked of a fresh interpreter that sees only the installed files."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"httpx", "click", "sqlite3", "json", "ssl", "subprocess", "threading"}
AGENT = (
    "from otumat_usage import UsageAgent\n"
    "agent = UsageAgent(author='A', data_directory='d', package_name='cold_package',"
    " host='http://127.0.0.1:1')\n"
    "agent.log(event_type='import')\n"
)


def _modules_after(code: str) -> set[str]:
    """Return what *code* adds to the modules that the interpreter itself has loaded."""
    program = (
        "import sys\nbefore = set(sys.modules)\n"
        f"{code}\n"
        "sys.stdout.write('\\n'.join(set(sys.modules) - before))"
    )
    done = subprocess.run(
        # -S would hide the packages; -X frozen_modules and site's own imports come before.
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return set(done.stdout.split())


def test_the_meta_package_loads_no_sibling_and_no_typing() -> None:
    loaded = _modules_after("import otumat; otumat.DISABLE_USAGE_TRACKING_PACKAGES")

    assert loaded == {"otumat"}


@pytest.mark.parametrize("code", ["import otumat_usage", AGENT], ids=["import", "unasked agent"])
def test_the_usage_client_loads_nothing_heavy(code: str) -> None:
    loaded = _modules_after(code)

    assert loaded & HEAVY == set()


@pytest.mark.parametrize("module", ["otumat_sign", "otumat_sign.exceptions"])
def test_the_signing_library_loads_no_cryptography(module: str) -> None:
    loaded = {name.split(".")[0] for name in _modules_after(f"import {module}")}

    assert loaded & {"cryptography", "click", "importlib.metadata"} == set()


def test_the_watcher_loads_neither_click_nor_subprocess() -> None:
    assert _modules_after("import otumat_watch") & {"click", "subprocess", "threading"} == set()
