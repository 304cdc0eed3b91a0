"""Enrolment: one true answer is found among many false ones, and every failure ends well."""

import base64
import errno
import hashlib
import http.client
import json
import socket
import threading
import time
import urllib.parse

import pytest

from otumat_usage import _enrolment, _settings
from otumat_usage.exceptions import EnrolmentDeniedError, EnrolmentError

pytestmark = pytest.mark.service

TOKENS = {
    "access_token": "at", "refresh_token": "rt", "expires_in": 3600, "token_type": "Bearer",
    "scope": "usage:write usage:self", "install_id": "install-1",
}  # fmt: skip


@pytest.fixture(name="settings")
def _config(fake):
    """Settings for the fake host."""

    def make(timeout=5.0):
        config = {"author": "a", "data_directory": "d", "package_name": "p", "host": fake.origin}
        return _settings.of({**config, "response_timeout": timeout})

    return make


class User:
    """Reads the address that is shown, and does what a test says with its parameters."""

    def __init__(self, act):
        self.act = act
        self.page = None
        self.asked = {}
        self.thread = None

    def __call__(self, line):
        for word in line.split():
            if word.startswith("http") and "redirect_uri" in word:
                self.page = word
                query = urllib.parse.urlsplit(word).query
                self.asked = dict(urllib.parse.parse_qsl(query))
                self.thread = threading.Thread(target=self.act, args=(self,))
                self.thread.start()

    def back(self, method="GET", host=None, path=None, **values):
        """Go to the listener with *values*; return the status."""
        where = urllib.parse.urlsplit(self.asked["redirect_uri"])
        link = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
        target = f"{path or where.path}?{urllib.parse.urlencode(values)}"
        link.putrequest(method, target, skip_host=True)
        link.putheader("Host", host or where.netloc)
        link.putheader("Content-Length", "0")
        link.endheaders()
        status = link.getresponse().status
        link.close()
        return status

    def agree(self, **more):
        values = {"code": "c-1", "state": self.asked["state"], "iss": self.origin, **more}
        return self.back(**values)

    @property
    def origin(self):
        return self.page.partition("/user/")[0]


@pytest.fixture(name="enrol")
def _enrol(settings, monkeypatch):
    """Enrol with a user who acts as given; returns (tokens or error, the user)."""
    monkeypatch.setenv("BROWSER", "true %s")

    def run(act, timeout=5.0):
        user = User(act)
        try:
            outcome = _enrolment.enrol(settings(timeout), user)
        except EnrolmentError as error:
            outcome = error
        if user.thread:
            user.thread.join(20)
        return outcome, user

    return run


def test_the_question_is_asked_as_the_standards_want(fake, enrol):
    fake.metadata()
    fake.json("/auth/token", TOKENS)
    tokens, user = enrol(User.agree)

    assert (tokens.access_token, tokens.install_id) == ("at", "install-1")
    assert user.page.startswith(f"{fake.origin}/user/usage-install?")
    assert user.asked["response_type"] == "code"
    assert user.asked["client_id"] == "otumat-usage"
    assert user.asked["code_challenge_method"] == "S256"
    assert user.asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert len(user.asked["state"]) >= 22  # 128 bits
    (exchange,) = [body for _, path, body, _ in fake.requests if path == "/auth/token"]
    sent = dict(urllib.parse.parse_qsl(exchange.decode()))
    assert sent["grant_type"] == "authorization_code"
    assert sent["redirect_uri"] == user.asked["redirect_uri"]
    assert 43 <= len(sent["code_verifier"]) <= 128
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == user.asked["code_challenge"]


def test_fifty_false_and_idle_connections_do_not_hide_the_true_answer(fake, enrol):
    fake.metadata()
    fake.json("/auth/token", TOKENS)
    statuses, idle = [], []

    def act(user):
        where = urllib.parse.urlsplit(user.asked["redirect_uri"])
        state = user.asked["state"]
        for number in range(10):
            idle.append(socket.create_connection((where.hostname, where.port)))
            statuses.append(user.agree(state=f"guess-{number}"))
            statuses.append(user.back(code="c-2"))
            statuses.append(user.back(path="/favicon.ico"))
            statuses.append(user.back(host="evil.example", code="c", state=state))
        statuses.append(user.back(method="POST", code="c", state=state))
        statuses.append(user.agree(error="access_denied", state="guess"))
        assert user.agree() == 200

    tokens, _ = enrol(act, timeout=15.0)
    for connection in idle:
        connection.close()

    assert tokens.access_token == "at"
    assert len(statuses) + len(idle) >= 50
    assert set(statuses) == {400, 404, 501}


def test_an_answer_counts_once(fake, enrol):
    fake.metadata()
    fake.json("/auth/token", TOKENS)
    statuses = []

    def act(user):
        statuses.append(user.agree())
        try:
            statuses.append(user.agree(code="c-2"))
        except OSError:  # the listener has gone already
            statuses.append(400)

    tokens, _ = enrol(act)

    assert tokens.access_token == "at"
    assert statuses == [200, 400]
    exchanged = [body for _, path, body, _ in fake.requests if path == "/auth/token"]
    assert len(exchanged) == 1
    assert b"code=c-1" in exchanged[0]


def test_a_no_on_the_page_is_a_no_only_with_our_state(fake, enrol):
    fake.metadata()

    def act(user):
        assert user.back(error="access_denied", state="wrong", iss=user.origin) == 400
        assert user.back(error="access_denied", state=user.asked["state"], iss=user.origin) == 200

    outcome, _ = enrol(act)
    assert isinstance(outcome, EnrolmentDeniedError)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"iss": "https://other.example"}, "came from 'https://other.example'"),
        ({"iss": "\x1b[31m"}, "came from '[31m'"),
        ({"code": ""}, "could not enrol you"),
        (
            {"error": "temporarily_unavailable\x1b[2J"},
            "could not enrol you: temporarily_unavailable",
        ),
    ],
)
def test_an_answer_that_cannot_be_right_ends_the_enrolment(fake, enrol, values, why):
    fake.metadata()
    outcome, _ = enrol(lambda user: user.agree(**values))

    assert isinstance(outcome, EnrolmentError)
    assert not isinstance(outcome, EnrolmentDeniedError)
    assert why in str(outcome)
    assert "\x1b" not in str(outcome)


def test_nobody_answers_in_time(fake, enrol):
    fake.metadata()
    begun = time.monotonic()
    outcome, _ = enrol(lambda _: None, timeout=0.5)

    assert "within 0.5 seconds" in str(outcome)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}, b""),
        (500, {}, b"{}"),
        (200, {}, b"<html>please log in to the hotel</html>"),
        (200, {}, b'{"issuer": "https://evil.example"}'),
        (200, {}, b'{"issuer": null}'),
        (200, {}, b"[" * 100_000),
        (200, {}, b" " * 70_000),
        (302, {"Location": "https://evil.example/"}, b""),
    ],
    ids=["404", "500", "portal", "other issuer", "no issuer", "deep", "oversized", "redirect"],
)
def test_a_host_that_does_not_speak_the_protocol_opens_no_browser(fake, enrol, answer):
    fake.routes["/.well-known/oauth-authorization-server"] = answer
    outcome, user = enrol(User.agree)

    assert isinstance(outcome, EnrolmentError)
    assert user.page is None


def test_a_host_that_hangs_costs_the_deadline_and_no_more(fake, enrol):
    release = threading.Event()

    def hang(_):
        release.wait(10)
        return 200, {}, b"{}"

    fake.routes["/.well-known/oauth-authorization-server"] = hang
    begun = time.monotonic()
    outcome, user = enrol(User.agree, timeout=0.5)
    release.set()

    assert isinstance(outcome, EnrolmentError)
    assert user.page is None
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "answer",
    [
        (400, {}, b'{"error": "invalid_grant"}'),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (200, {}, b"{}"),
        (200, {}, b'{"access_token": "a", "refresh_token": "r"}'),
        (200, {}, b'{"access_token": "a\\nb", "refresh_token": "r", "install_id": "i"}'),
        (200, {}, json.dumps({**TOKENS, "token_type": "mac"}).encode()),
        (200, {}, json.dumps({**TOKENS, "expires_in": "soon"}).encode()),
        (200, {}, b" " * 70_000),
    ],
)  # fmt: skip
def test_tokens_that_cannot_be_right_end_the_enrolment(fake, enrol, answer):
    fake.metadata()
    fake.routes["/auth/token"] = answer
    outcome, _ = enrol(User.agree)

    assert isinstance(outcome, EnrolmentError)


def test_without_a_port_to_listen_on_the_enrolment_ends(fake, enrol, monkeypatch):
    fake.metadata()

    def taken(*_):
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket.socket, "bind", taken, raising=False)
    outcome, user = enrol(User.agree)

    assert "no local port" in str(outcome)
    assert user.page is None


def test_a_browser_that_blocks_and_prints_does_not_reach_the_program(
    fake, settings, monkeypatch, capfd
):
    fake.metadata()
    fake.json("/auth/token", TOKENS)
    monkeypatch.setenv("BROWSER", "sh -c 'echo noise; echo noise >&2; sleep 60' %s")
    tokens = _enrolment.enrol(settings(), User(User.agree))

    assert tokens.access_token == "at"
    assert capfd.readouterr() == ("", "")
