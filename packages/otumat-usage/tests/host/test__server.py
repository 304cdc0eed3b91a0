"""Laws of the server's connections: nobody keeps one, or our memory, without end."""

import asyncio
import contextlib
import select
import socket
import threading

import pytest
import uvicorn

from otumat_usage.host._server import Hurried, bind

pytestmark = pytest.mark.service

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n"


class Hasty(Hurried):
    patience = 0.5


async def echo(_scope, receive, send):
    """Answer how long the body was."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    await asyncio.sleep(1)  # longer than a client may keep us waiting
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture(scope="module")
def place():
    """A server that waits half a second for its clients."""
    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        echo, http=Hasty, log_config=None, lifespan="off", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join(30)
    listener.close()


def ended(connection):
    """Read until the other side has closed; return what it said."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            said += piece
    return said


def answered(connection, seconds):
    """Wait for the other side's word, or its end, for some seconds."""
    return bool(select.select([connection], [], [], seconds)[0])


def cut_off(connection, pieces, seconds):
    """Send one piece after the other; say whether the other side ended that."""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
            if answered(connection, seconds):
                return ended(connection) == b""
        return False
    return True


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n", POST, POST + b"x" * 500],
    ids=["nothing", "a blank line", "a method", "half a head", "no body", "half a body"],
)
def test_who_keeps_it_waiting_is_cut_off(place, sent):
    with socket.create_connection(place, 30) as connection:
        connection.sendall(sent)

        assert ended(connection) == b""


def test_a_byte_now_and_then_is_no_progress(place):
    with socket.create_connection(place, 30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")

        assert cut_off(connection, [b"x"] * 1000, 0.05)


def test_blank_lines_keep_no_connection_open(place):
    with socket.create_connection(place, 30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")

        assert cut_off(connection, [b"\r\n"] * 1000, 0.05)


def test_a_body_that_keeps_coming_may_take_its_time(place):
    with socket.create_connection(place, 30) as connection:
        connection.sendall(POST)
        for _ in range(6):  # of 5,000 bytes each, over three times as long as the patience
            assert not answered(connection, 0.2)
            connection.sendall(b"x" * 5000)

        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"30000" in answer


def test_who_waits_for_us_is_not_cut_off(place):
    """Two requests at once, each of which takes longer than a client may."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(place, 30) as connection:
        connection.sendall(request + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

        assert ended(connection).count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("line", [b"X-%d: y\r\n", b"%d"], ids=["headers", "one header"])
def test_headers_without_end_are_cut_off(place, line):
    pieces = ((line % number) * 1000 for number in range(20_000))
    with socket.create_connection(place, 30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")

        assert cut_off(connection, pieces, 0)


def test_small_answers_of_asyncio_go_out_at_once():
    """Without TCP_NODELAY, head and body of an answer wait for the client's acknowledgement."""

    async def answered():
        options = []

        class Asked(asyncio.Protocol):
            def connection_made(self, transport):
                taken = transport.get_extra_info("socket")
                options.append(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        loop = asyncio.get_running_loop()
        server = await loop.create_server(Asked, sock=bind("127.0.0.1", 0))
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()
            writer.close()
        return options

    assert asyncio.run(answered()) == [1]
