"""Laws of what a 0.3 client asks on route 1: little is kept, and it leads to a private network."""

import dataclasses
from urllib.parse import parse_qs, urlencode

import pytest

from otumat_usage.host._authorize import BadRequest
from otumat_usage.host._legacy_request import read, speaks_legacy

#: As otumat 0.3.1 builds it (usage.py, `install`).
ASKED = {
    "operatingSystem": "linux", "macAddress": "0a:1b:2c:3d:4e:5f", "platform": "Python",
    "platformVersion": "3.8.10", "packageManager": "pip", "packageManagerVersion": "22.3",
    "packageName": "demo", "packageVersion": "1.2.3", "location": "Vienna, Vienna, AT",
    "timezone": "CET, CEST, Europe/Vienna", "timestamp": 1650000000,
    "health": "http://192.168.7.31:41234/health",
    "redirect": "http://192.168.7.31:41234/install-completed",
    "cancel": "http://192.168.7.31:41234/install-cancelled",
}  # fmt: skip


def asked(**changes):
    return urlencode({k: v for k, v in (ASKED | changes).items() if v is not None})


def test_nothing_is_kept_but_what_the_page_needs():
    found = read(asked())

    assert parse_qs(found.query).keys() == {
        "packageName", "packageVersion", "platformVersion", "operatingSystem", "redirect",
    }  # fmt: skip
    held = " ".join(map(str, dataclasses.astuple(found)))
    for secret in ("0a:1b", "Vienna", "CET", "1650000000", "22.3", "/health", "/install-cancelled"):
        assert secret not in held
    assert read(found.query) == found


def test_the_answer_goes_to_the_address_that_waits():
    found = read(asked())

    assert found.answer(a="x y") == ASKED["redirect"] + "?a=x+y"
    assert found.cancelled == ASKED["cancel"]
    assert found.origin == "http://192.168.7.31:41234"


@pytest.mark.parametrize("cancel", ["http://evil.example/", "http://10.0.0.1/reboot", "", None])
def test_the_other_addresses_are_not_looked_at(cancel):
    assert read(asked(cancel=cancel, health=cancel)) == read(asked())


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.9.9", "192.168.0.1"],
)
def test_a_private_address_is_taken(address):
    assert read(asked(redirect=f"http://{address}:1/install-completed")).package == "demo"


@pytest.mark.parametrize(
    "redirect",
    [
        None, "", "http://192.168.0.1/install-completed", "http://192.168.0.1:0/install-completed",
        "http://192.168.0.1:65536/install-completed", "https://192.168.0.1:80/install-completed",
        "http://192.168.0.1:80/", "http://192.168.0.1:80/install-completed/",
        "http://192.168.0.1:80/install-completed?x=1", "http://192.168.0.1:80/install-completed#x",
        "http://192.168.0.1:80/x/../install-completed", "http://192.168.0.1:80//install-completed",
        "http://192.168.0.1:80@evil.example/install-completed",
        "//192.168.0.1:80/install-completed",
        "http://8.8.8.8:80/install-completed", "http://172.32.0.1:80/install-completed",
        "http://169.254.169.254:80/install-completed", "http://100.64.0.1:80/install-completed",
        "http://0.0.0.0:80/install-completed", "http://127.0.0.2:80/install-completed",
        "http://192.168.0.256:80/install-completed", "http://192.168.1:80/install-completed",
        "http://192.168.000.001:80/install-completed", "http://3232235521:80/install-completed",
        "http://localhost:80/install-completed", "http://[::1]:80/install-completed",
        "http://host.local:80/install-completed", "http://192.168.0.1:80/install-completed\nX: y",
        "javascript:alert(1)", "http://192.168.0.1:\N{ARABIC-INDIC DIGIT FOUR}0/install-completed",
    ],
)  # fmt: skip
def test_any_other_redirect_is_refused(redirect):
    assert isinstance(read(asked(redirect=redirect)), BadRequest)


@pytest.mark.parametrize("name", ["packageName", "redirect", "packageVersion"])
def test_a_parameter_that_is_kept_comes_once(name):
    assert isinstance(read(f"{asked()}&{name}=x"), BadRequest)


def test_a_request_without_a_package_is_refused():
    assert isinstance(read(asked(packageName="")), BadRequest)


def test_what_is_shown_is_short_and_printable():
    found = read(asked(packageVersion="1" * 999, platformVersion="3\x1b[2J"))

    assert found.context == (("version", "1" * 64), ("system", "linux"))


@pytest.mark.parametrize(
    ("query", "legacy"),
    [
        (asked(), True), ("packageName=demo", True), (asked(packageName=None), False), ("", False),
        ("client_id=otumat-usage&package=demo", False), ("packageName=d&client_id=x", False),
        ("%ff=%ff&packageName=%ff", False), ("&".join(["a=b"] * 50), False),
    ],
)  # fmt: skip
def test_the_two_wires_are_told_apart(query, legacy):
    assert speaks_legacy(query) is legacy
