"""`capture`, as a package that embeds us uses it in its own tests."""

import pytest

from otumat_usage import UsageAgent, testing
from otumat_usage.exceptions import ConfigurationError, UndeclaredEventError

RIGHT = {
    "author": "Example", "data_directory": "mypackage", "package_name": "my_package",
    "host": "https://usage.example.org",
}  # fmt: skip
EVENTS = {"read": {"format": str, "rows": int}, "write": {}}


class MyPackage:
    """A package that embeds us: its agent is made at import, before any test."""

    def __init__(self):
        self.agent = UsageAgent(**RIGHT, events=EVENTS)

    def read(self, rows):
        self.agent.log(event_type="read", format="csv", rows=rows)


def test_a_feature_is_counted():
    package = MyPackage()
    with testing.capture() as events:
        package.read(10)

    assert events == [testing.Event("my-package", "read", {"format": "csv", "rows": 10})]


def test_nothing_is_asked_stored_or_kept_for_later(home):
    package = MyPackage()
    with testing.capture():
        package.read(1)
        UsageAgent(**RIGHT).log(event_type="anything")
    package.read(2)

    assert list(home.rglob("*")) == []


@pytest.mark.parametrize(
    "event",
    [
        {"event_type": "delete"},
        {"event_type": "read", "rows": "ten"},
        {"event_type": "write", "rows": 1},
        {"event_type": ""},
        {"event_type": 7},
    ],
)
def test_what_the_field_would_drop_fails_here(event):
    package = MyPackage()
    with testing.capture() as events, pytest.raises(UndeclaredEventError):
        package.agent.log(**event)

    assert events == []
    package.agent.log(**event)  # in the field nobody notices


WRONG = [
    {"host": None},
    {"host": 7},
    {"host": "http://usage.example.org"},
    {"host": "https://usage.example.org/path"},
    {"host": "https://user@usage.example.org"},
    {"host": "https://usage.example.org:0"},
    {"host": "ftp://127.0.0.1"},
    {"host": "https://"},
    {"package_name": ""},
    {"package_name": "../x"},
    {"package_name": None},
    {"author": ""},
    {"data_directory": None},
    {"install_route": "user/install"},
    {"event_route": "//evil.example/x"},
    {"refresh_route": "/token?x=1"},
    {"response_timeout": 0},
    {"response_timeout": "60"},
    {"upload_frequency": "12"},
    {"upload_frequency": "0h"},
    {"upload_frequency": "h"},
    {"upload_frequency": "1w"},
    {"events": ["read"]},
    {"events": {"read": {"rows": list}}},
    {"events": {"": {}}},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_argument_fails_here_and_is_silent_in_the_field(wrong, capfd, home):
    with testing.capture(), pytest.raises(ConfigurationError):
        UsageAgent(**{**RIGHT, **wrong})

    agent = UsageAgent(**{**RIGHT, **wrong})
    agent.log(event_type="x")
    assert agent.refusal()
    assert capfd.readouterr() == ("", "")
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize(
    "host",
    [
        "https://usage.example.org",
        "https://Usage.Example.org:8443/",
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "http://[::1]:8000",
    ],
)
def test_https_and_loopback_are_hosts(host):
    with testing.capture():
        agent = UsageAgent(**{**RIGHT, "host": host})

    assert agent.origin == host.lower().rstrip("/")


@pytest.mark.parametrize("frequency", ["30s", "15m", "12h", "1d"])
def test_the_frequencies_of_0_3_are_taken(frequency):
    with testing.capture():
        UsageAgent(**RIGHT, upload_frequency=frequency)
