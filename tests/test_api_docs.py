"""The guide to the API is true: each curl line of docs/api.md is replayed against the host."""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
import re
import shlex

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"
ORIGIN = "https://usage.example.org"
NOON = 1_780_315_200_000  # 2026-06-01T12:00:00Z
PAIRS = re.findall(
    r"^```sh\n(curl [^\n]*)\n```\n\n```(json|csv)\n(.*?)^```$",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
#: What three users did, each with the system that it did it on.
USED = (("Linux", ["fit", "plot"]), ("Linux", ["fit", "fit"]), ("Windows", ["fit"]))


def test_there_are_examples_with_answers():
    assert len(PAIRS) == PAGE.read_text(encoding="utf-8").count("\ncurl ") == 4


class Curl:
    """What of curl's command line the page uses."""

    def __init__(self, line, secret):
        parser = argparse.ArgumentParser()
        parser.add_argument("-H", dest="headers", action="append", default=[])
        parser.add_argument("-G", dest="get", action="store_true")
        parser.add_argument("-d", "--data-urlencode", dest="data", action="append", default=[])
        parser.add_argument("url")
        words = shlex.split(line.replace("$USAGE_TOKEN", secret))[1:]
        self.given = parser.parse_args(words)
        assert self.given.get == bool(self.given.data)  # without -G it would be a POST

    def request(self):
        headers = dict(header.split(": ", 1) for header in self.given.headers)
        params = [each.split("=", 1) for each in self.given.data] or None
        return {"url": self.given.url, "headers": headers, "params": params}


@pytest.fixture(name="replay")
def _replay(tmp_path):
    """Return a function that sends what a curl line says to a host with three users."""
    import httpx

    from otumat_usage.host import _api_tokens, _packages
    from otumat_usage.host._app import make_app
    from otumat_usage.host._host import open_host

    host = open_host(tmp_path / "host", issuer=ORIGIN, now=lambda: NOON)
    with host.database.write() as connection:
        package = _packages.add(connection, "mypackage", NOON)
        secret = _api_tokens.add(connection, "ci", NOON, packages=["mypackage"], days=365)
        tokens = [_enrolled(connection, package.id) for _ in USED]
    host.start()
    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(make_app(host)), base_url=ORIGIN)

    def send(method, **request):
        return loop.run_until_complete(client.request(method, **request))

    for pair, (system, events) in zip(tokens, USED, strict=True):
        answer = send("POST", **_upload(pair, system, events))
        assert answer.json()["accepted"] == len(events), answer.text
    yield lambda line: send("GET", **Curl(line, secret).request())
    loop.run_until_complete(client.aclose())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    host.stop()


def _enrolled(connection, package):
    from otumat_usage.host import _grants

    consent = _grants.Consent(package, "0" * 64, "1-0", NOON, "browser")
    install = _grants.enrol(connection, consent)
    return _grants.Family(connection, install, install, NOON).open("usage:write")


def _upload(pair, system, events):
    import uuid

    at = "2026-06-01T11:00:00.000Z"
    body = {
        "installId": str(uuid.UUID(bytes=pair.install)),
        "batch": "batch-1", "sent_at": "2026-06-01T12:00:00.000Z",
        "run": "run-1", "first": 1, "last": len(events),
        "headers": ["event_date", "event_type"], "rows": [[at, name] for name in events],
        "context": {"package_version": "1.0", "python": "3.12", "os": system},
    }  # fmt: skip
    return {
        "url": "/api/usage-event",
        "json": body,
        "headers": {"Authorization": f"Bearer {pair.access}"},
    }


def test_the_host_answers_every_curl_line_as_written(replay):
    for line, kind, expected in PAIRS:
        answer = replay(line)
        if kind == "json":
            assert answer.json() == json.loads(expected), line
        else:
            assert answer.text.splitlines() == expected.splitlines(), line


def test_the_columns_of_the_export_are_documented():
    text = (ROOT / "packages/otumat-usage/src/otumat_usage/host/_parquet.py").read_text()
    from otumat_usage.host._answers import DIMENSIONS

    named = set(re.findall(r'pa\.field\("(\w+)"', text)) | set(DIMENSIONS[1:])
    section = PAGE.read_text(encoding="utf-8").partition("## All events as a file")[2]
    told = {
        name
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }

    assert told == named
