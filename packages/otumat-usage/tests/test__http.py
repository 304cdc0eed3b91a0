"""One deadline for everything, one origin, small answers: whatever stands at the other end."""

import contextlib
import gzip
import socket
import threading
import time

import pytest

from otumat_usage._http import MAX_ANSWER, Client
from otumat_usage.exceptions import HostError


def _ours():
    return [thread for thread in threading.enumerate() if thread.name == "otumat-usage"]


def _wait_until_alone():
    for thread in _ours():
        thread.join(20)
    assert _ours() == []


def test_a_look_up_that_hangs_ends_at_the_deadline(monkeypatch):
    """No library bounds it, so who waits does not wait for it."""
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(30))
    begun = time.monotonic()
    with (
        Client("https://x.example", seconds=0.2) as client,
        pytest.raises(HostError, match="too long"),
    ):
        client.get("/")

    assert time.monotonic() - begun < 10
    release.set()
    _wait_until_alone()


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_drips_is_cut_at_the_deadline(begin):
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(begin)
                while not stop.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        origin = f"http://127.0.0.1:{server.getsockname()[1]}"
        with Client(origin, seconds=0.3) as client, pytest.raises(HostError):
            client.get("/")
        _wait_until_alone()
        stop.set()
        thread.join(20)


def test_after_the_deadline_nothing_is_asked(fake):
    with Client(fake.origin, seconds=0.0) as client, pytest.raises(HostError, match="too long"):
        client.get("/")

    assert fake.requests == []


def test_no_proxy_stands_between_us_and_our_own_machine(fake, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    fake.json("/", {"ok": True})
    with Client(fake.origin, seconds=10) as client:
        assert client.get("/").parsed() == {"ok": True}


def test_what_is_compressed_is_not_unfolded(fake):
    bomb = gzip.compress(b"[" * 10_000_000)
    fake.routes["/"] = (200, {"Content-Encoding": "gzip"}, bomb)
    with Client(fake.origin, seconds=10) as client:
        reply = client.get("/")

    assert (reply.body, reply.parsed()) == (bomb, {})
    assert fake.requests[0][3]["accept-encoding"] == "identity"


def test_an_answer_is_small_unless_more_was_asked_for(fake):
    fake.routes["/"] = (200, {}, b"x" * (MAX_ANSWER + 1))
    with Client(fake.origin, seconds=10) as client:
        with pytest.raises(HostError, match=str(MAX_ANSWER)):
            client.get("/")
        assert len(client.fetch("/", {}, limit=MAX_ANSWER + 1).body) == MAX_ANSWER + 1
