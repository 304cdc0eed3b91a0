"""Laws of the addresses that an operator gives: each is one that works, or is refused."""

import pytest

from otumat_usage.host._addresses import checked_address, checked_names, checked_proxies, heard_at
from otumat_usage.host._errors import UrlInvalid


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://usage.example.org", "https://usage.example.org"),
        (" https://Usage.Example.org:8443/ ", "https://usage.example.org:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://usage.example.org:443", "https://usage.example.org"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
        ("https://usage.example.org:08443", "https://usage.example.org:8443"),
        ("https://M\u00dcNCHEN.example", "https://xn--mnchen-3ya.example"),
        ("https://stra\u00dfe.example:8443/", "https://xn--strae-oqa.example:8443"),
        ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
    ],
)
def test_an_address_is_read_as_an_origin(given, origin):
    assert checked_address(given) == origin


@pytest.mark.parametrize(
    "given",
    [
        "",
        "usage.example.org",
        "ftp://usage.example.org",
        "https://",
        "https://usage.example.org/prefix",
        "https://usage.example.org?x=1",
        "https://usage.example.org#x",
        "https://user:secret@usage.example.org",
        "https://usage example.org",
        "https://usage.example.org:99999",
        "https://usage.example.org:0",
        "https://usage.example.org:port",
        "https://[::1",
        "https://\u00fcber..example",
        "https://\u00fcber_x.example",
        "https://u\u0308ber.example",
        "https://\u00fcber.example:port",
        "https://\u00fcber.example:",
        "https://\udcfc.example",
    ],
)
def test_what_no_client_could_use_is_no_address(given):
    with pytest.raises(UrlInvalid):
        checked_address(given)


@pytest.mark.parametrize("name", ["\u2603.example", "\u00fc\u202e.example"])
def test_who_is_refused_a_name_is_told_what_to_write(name):
    for refuse in (lambda: checked_address(f"https://{name}"), lambda: checked_names([name])):
        with pytest.raises(UrlInvalid, match=r"write it as it was registered, such as xn--\S+$"):
            refuse()


def test_another_name_is_compared_without_case_and_its_last_dot():
    assert checked_names(["Usage.Example.org.", "[::1]"]) == {"usage.example.org", "[::1]"}
    assert checked_names(["M\u00fcnchen.example."]) == {"xn--mnchen-3ya.example"}


@pytest.mark.parametrize("given", ["", "http://x", "x:8080", "x/", "a b"])
def test_what_can_be_in_no_host_header_is_no_name(given):
    with pytest.raises(UrlInvalid, match="--allowed-host"):
        checked_names([given])


def test_proxies_are_addresses_and_networks():
    assert checked_proxies(["127.0.0.1", "::1", "10.0.0.0/8"]) == ("127.0.0.1", "::1", "10.0.0.0/8")


@pytest.mark.parametrize("given", ["", "proxy", "*", "127.0.0.1:80", "10.0.0.1/8"])
def test_a_proxy_that_would_match_nobody_is_refused(given):
    with pytest.raises(UrlInvalid, match="--trust-proxy"):
        checked_proxies([given])


@pytest.mark.parametrize(
    ("bind", "listens", "reached"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("::", "http://[::]:8080", "http://[::1]:8080"),
        ("192.0.2.1", "http://192.0.2.1:8080", "http://192.0.2.1:8080"),
    ],
)
def test_a_host_in_a_container_is_reached_by_an_address_that_a_browser_can_open(
    bind, listens, reached
):
    """Every address is none to ask at, and no name that a browser would send."""
    assert heard_at(bind, 8080) == (listens, reached)
