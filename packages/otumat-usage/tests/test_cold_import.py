"""What the import of a stranger's program pays for us: nothing that it can notice."""

import json
import os
import time

import pytest

FORBIDDEN = {
    "click", "contextlib", "dataclasses", "httpx", "importlib.metadata", "json", "logging",
    "otumat_usage._consent", "pathlib", "platformdirs", "re", "socket", "sqlite3", "ssl",
    "subprocess", "threading", "typing", "urllib",
}  # fmt: skip

PROGRAM = """
import sys
before = set(sys.modules)
from otumat_usage import UsageAgent
agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
agent.log(event_type="import")
found = sorted(set(sys.modules) - before)
import json
print(json.dumps([found, agent.refusal()]))
"""


def _loaded(python, **env):
    return json.loads(python(PROGRAM, **env).stdout)


@pytest.mark.parametrize("env", [{}, {"OTUMAT_USAGE": "off"}, {"DO_NOT_TRACK": "1"}])
def test_an_agent_that_may_not_record_loads_no_module_of_weight(python, env):
    found, why = _loaded(python, **env)

    assert why
    assert not set(found) & FORBIDDEN


def test_an_unasked_agent_makes_no_file(python, home):
    _loaded(python)

    assert list(home.rglob("*")) == []


def test_a_recording_agent_loads_no_module_of_weight(python, agreed):
    moment = time.time() + 3600
    agreed.joinpath("job").touch()
    os.utime(agreed / "job", (moment, moment))
    found, why = _loaded(python)

    assert why is None
    assert set(found) <= {
        "_xxsubinterpreters", "fcntl", "otumat_usage", "otumat_usage._agent",
        "otumat_usage._answer", "otumat_usage._home", "otumat_usage._optout",
        "otumat_usage._schema", "otumat_usage._spool",
    }  # fmt: skip


def test_every_public_name_can_be_loaded_and_is_listed(python):
    python("""
        import otumat_usage
        for name in dir(otumat_usage):
            assert getattr(otumat_usage, name) is not None
        assert set(otumat_usage.__all__) < set(dir(otumat_usage))
        try:
            otumat_usage.nonsense
        except AttributeError as error:
            assert "nonsense" in str(error)
        else:
            raise SystemExit("found nonsense")
    """)
