"""The specification is true: every example of docs/protocol.md is replayed against the host."""

from __future__ import annotations

import ast
import asyncio
import base64
import datetime as dt
import json
import pathlib
import re

import httpx
import pytest

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "protocol.md"
ORIGIN = "https://usage.example.org"
BLOCKS = re.findall(
    r"^```http\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
NAME = re.compile(r"<([a-z_0-9]+)>")


def test_examples_come_in_pairs():
    assert len(BLOCKS) >= 20
    assert all(not block.startswith("HTTP/") for block in BLOCKS[::2])
    assert all(block.startswith("HTTP/1.1 ") for block in BLOCKS[1::2])


def test_every_kind_of_error_that_the_host_answers_is_explained():
    """Kinds of `problem(status, kind, …)` in the sources stand on this page, or on the API's."""
    host = PAGE.parents[1] / "packages" / "otumat-usage" / "src" / "otumat_usage" / "host"
    told = PAGE.read_text(encoding="utf-8") + PAGE.with_name("api.md").read_text(encoding="utf-8")
    kinds = {
        call.args[1].value
        for source in host.glob("*.py")
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "problem"
        and isinstance(call.args[1], ast.Constant)
    }

    assert len(kinds) > 15
    # `metrics` is for a scraper, and nobody is there to read that they went away.
    untold = {kind for kind in kinds if f"urn:otumat:{kind}`" not in told}
    assert untold == {"disconnected", "metrics"}


@pytest.fixture(name="ask")
def _ask(tmp_path):
    """Return a function that sends one request to a host in this process."""
    from otumat_usage.host import _api_tokens, _packages
    from otumat_usage.host._app import make_app
    from otumat_usage.host._host import open_host

    host = open_host(tmp_path / "host", issuer=ORIGIN)
    with host.database.write() as connection:
        _packages.add(connection, "demo", host.now(), events={"plot": {"kind": "str"}, "fit": {}})
        _packages.add(connection, "older", host.now())
        _packages.take_legacy(connection, "older", on=True)
        token = _api_tokens.add(connection, "fleet", host.now(), scope="admin")
    host.start()
    loop = asyncio.new_event_loop()
    transport = httpx.ASGITransport(make_app(host))
    client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)

    def ask(method, target, headers, body):
        client.cookies.clear()  # every example shows the cookies it sends
        sent = client.request(method, target, headers=headers, content=body)
        return loop.run_until_complete(sent)

    ask.token = token
    yield ask
    loop.run_until_complete(client.aclose())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    host.stop()


def test_the_host_answers_every_example_as_written(ask):
    now = dt.datetime.now(dt.timezone.utc)
    known = {"now": now.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    known |= {
        "old_now": f"{now:%Y-%m-%d %H:%M:%S.%f}",
        "old_later": f"{now:%Y-%m-%d %H:%M:%S}.999999",
    }
    known["admin_token"] = ask.token
    for number, (request, expected) in enumerate(zip(BLOCKS[::2], BLOCKS[1::2], strict=True)):
        head, _, body = _filled(request, known).partition("\n\n")
        (method, target, _), headers = _head(head)
        answer = ask(method, target, headers, body.strip().encode())
        _compare(f"example {number}: {method} {target}", expected, answer, known)
        if "old_client_secret" in known:
            pair = f"{known['old_install_id']}:{known['old_client_secret']}"
            known["old_basic"] = base64.b64encode(pair.encode()).decode()


def _head(text):
    first, *lines = text.strip().split("\n")
    return first.split(" ", 2), dict(line.split(": ", 1) for line in lines)


def _filled(text, known):
    return NAME.sub(lambda match: known.get(match[1], match[0]), text)


def _compare(what, expected, answer, known):
    head, _, body = expected.partition("\n\n")
    (_, status, _), headers = _head(head)
    assert answer.status_code == int(status), f"{what}: {answer.text}"
    for name, value in headers.items():
        _match(f"{what}, {name}", value, answer.headers.get(name.lower(), ""), known)
    if headers.get("Content-Type") == "application/jsonl":
        lines = zip(body.strip().split("\n"), answer.text.strip().split("\n"), strict=True)
        for wanted, found in lines:
            _match_json(what, json.loads(wanted), json.loads(found), known)
    elif body.lstrip().startswith("{"):
        # A placeholder for a number stands without quotes.
        wanted = json.loads(re.sub(r": (<[a-z_]+>)", r': "\1"', body))
        _match_json(what, wanted, answer.json(), known)
    elif body.strip():
        _match(what, body.strip(), answer.text, known)


def _match(what, pattern, text, known):
    parts = re.split(r"(<[a-z_0-9]+>|\.\.\.)", pattern)
    names = []
    regex = ""
    for part in parts:
        if part == "...":
            regex += ".*?"
        elif NAME.fullmatch(part):
            name = part[1:-1]
            regex += re.escape(known[name]) if name in known else r'([^"&;\s]+)'
            names += [] if name in known else [name]
        else:
            regex += re.escape(part)
    match = re.fullmatch(regex, text, re.DOTALL)
    assert match, f"{what}: {text!r} is not {pattern!r}"
    known.update(zip(names, match.groups(), strict=True))


def _match_json(what, wanted, found, known):
    if isinstance(wanted, dict) and isinstance(found, dict):
        assert sorted(wanted) == sorted(found), f"{what}: {found}"
        for key, value in wanted.items():
            _match_json(f"{what}, {key}", value, found[key], known)
    elif isinstance(wanted, str) and isinstance(found, str) and NAME.search(wanted):
        _match(what, wanted, found, known)
    elif isinstance(wanted, str) and NAME.fullmatch(wanted):
        name = wanted[1:-1]
        assert known.setdefault(name, found) == found, what
    else:
        assert wanted == found, f"{what}: {found}"
