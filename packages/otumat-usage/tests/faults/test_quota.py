"""What passes the limit that a host sets for a day waits for the next, and is counted once."""

import json

import pytest

from .._host import Host

pytestmark = [pytest.mark.fault, pytest.mark.service]


@pytest.fixture
def host(tmp_path):
    """Start a host that takes one MiB of an installation in a day."""
    events = tmp_path / "events.json"
    events.write_text(json.dumps({"used": {"number": "int"}}))
    host = Host(tmp_path, "--events", str(events)).start("--daily-limit", "1")
    yield host
    host.stop()


@pytest.fixture
def behind(host):
    """Let `lab` report to that host."""
    return int(host.port)


def test_what_passes_the_limit_waits_for_the_next_day(host, lab):
    lab.record(40_000)

    limited = lab.upload()
    again = lab.upload()
    host.stop()
    host.start()  # another day: what was taken in this one is known in memory only
    rest = lab.upload()

    assert 0 < limited.events < 40_000
    assert limited.waiting == 40_000 - limited.events
    assert "429" in limited.why
    assert (again.events, again.waiting) == (0, limited.waiting)
    assert (rest.waiting, rest.why) == (0, "")
    assert lab.counted() == lab.events
