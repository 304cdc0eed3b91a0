"""What can go wrong with an upload, by name: each does it to one call of the proxy."""

import contextlib
import email.utils
import socket
import struct
import time

EVENTS = "/api/usage-event"
RESET = struct.pack("ii", 1, 0)

FAULTS = {}


def fault(name):
    def keep(function):
        FAULTS[name] = function
        return function

    return keep


def _reset(call):
    """Have the connection end with a reset instead of an orderly close."""
    call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    call.close_connection = True


def _drip(call, data):
    """Send a byte every now and then until the client has gone, or for as long as a test lasts."""
    with contextlib.suppress(OSError):
        for number in range(len(data)):
            call.wfile.write(data[number : number + 1])
            if call.proxy.release.wait(0.05):
                return
        call.proxy.release.wait(30)


@fault("answer lost")
def _answer_lost(call):
    call.ask(call.body())
    _reset(call)


@fault("reset in mid-request")
def _reset_in_request(call):
    call.rfile.read(min(call.size, 40))
    _reset(call)


@fault("reset in mid-answer")
def _reset_in_answer(call):
    _, _, data = call.ask(call.body())
    call.begin(200, {"Content-Type": "application/json", "Content-Length": len(data)})
    call.wfile.write(data[: len(data) // 2])
    _reset(call)


@fault("answer cut short")
def _answer_cut(call):
    _, _, data = call.ask(call.body())
    call.begin(200, {"Content-Length": len(data) + 7})
    call.wfile.write(data[:-1])
    call.close_connection = True


@fault("not HTTP")
def _not_http(call):
    call.body()
    call.wfile.write(b"\x15\x03\x01\x00\x02\x02\x50")
    call.close_connection = True


@fault("headers drip")
def _headers_drip(call):
    status, _, data = call.ask(call.body())
    head = f"HTTP/1.1 {status} OK\r\nX-Slow: {'x' * 2000}\r\nContent-Length: {len(data)}\r\n\r\n"
    _drip(call, head.encode() + data)


@fault("body drips")
def _body_drips(call):
    _, _, data = call.ask(call.body())
    call.begin(200, {"Content-Length": len(data)})
    _drip(call, data)


@fault("hangs")
def _hangs(call):
    call.body()
    call.proxy.release.wait(30)


@fault("takes it and hangs")
def _takes_and_hangs(call):
    call.ask(call.body())
    call.proxy.release.wait(30)


def _says(name, status, headers=None, data=b"{}"):
    def answer(call):
        call.body()
        found = {
            key: value() if callable(value) else value for key, value in (headers or {}).items()
        }
        call.reply(status, found, data)

    FAULTS[name] = answer


def _in_two_minutes():
    return email.utils.formatdate(time.time() + 120, usegmt=True)


PORTAL = b"<html><title>Welcome to the hotel</title>Please log in</html>"
_says("408", 408)
_says("425", 425)
_says("429 for seconds", 429, {"Retry-After": "120"})
_says("429 until a date", 429, {"Retry-After": _in_two_minutes})
_says("500", 500, {"Content-Type": "text/html"}, b"oops")
_says("502", 502, {"Content-Type": "text/html"}, PORTAL)
_says("503", 503, {"Retry-After": "1"})
_says("401 whatever the token", 401)
_says("captive portal", 200, {"Content-Type": "text/html"}, PORTAL)
_says("captive portal with JSON", 200, {"Content-Type": "application/json"}, b'{"ok": true}')
_says("204", 204, None, b"")
_says("an answer without an end", 200, None, b" " * 200_000)
_says("an answer of brackets", 200, None, b"[" * 60_000)


def _sends_elsewhere(status):
    def answer(call):
        call.body()
        call.reply(status, {"Location": f"{call.proxy.trap.origin}{EVENTS}"}, b"")

    FAULTS[f"redirect {status}"] = answer


for _status in (301, 302, 303, 307, 308):
    _sends_elsewhere(_status)


@fault("redirect to itself")
def _to_itself(call):
    call.body()
    call.reply(308, {"Location": EVENTS}, b"")
