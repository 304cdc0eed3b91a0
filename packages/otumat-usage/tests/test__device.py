"""Enrolment without a browser, as RFC 8628 has it; against a real host too."""

import json
import subprocess
import sys

import pytest

from otumat_usage import _browser, _device, _settings
from otumat_usage._http import Client
from otumat_usage.exceptions import EnrolmentDeniedError, EnrolmentError

START = {
    "device_code": "dc", "user_code": "BCDF-GHJK", "expires_in": 900, "interval": 5,
}  # fmt: skip


@pytest.fixture(name="enrol")
def _enrol(fake):
    """Enrol against answers of the token endpoint in turn; returns (outcome, waits, lines)."""

    def run(*answers, **start):
        queue = [(status, {}, json.dumps(body).encode()) for status, body in answers]
        fake.routes["/auth/token"] = lambda _: queue.pop(0)
        fake.json("/auth/device", {"verification_uri": f"{fake.origin}/device", **START, **start})
        settings = _settings.of(
            {"author": "a", "data_directory": "d", "package_name": "p", "host": fake.origin}
        )
        waits, lines = [], []
        try:
            with Client(fake.origin, seconds=60) as client:
                outcome = _device.enrol(
                    client, settings, "/auth/device", lines.append, sleep=waits.append
                )
        except EnrolmentError as error:
            outcome = error
        return outcome, waits, lines

    return run


PENDING = (400, {"error": "authorization_pending"})


def test_it_polls_until_the_user_has_agreed(enrol, fake):
    outcome, waits, (shown,) = enrol(PENDING, PENDING, (200, {"access_token": "at"}))

    assert outcome == {"access_token": "at"}
    assert waits == [6.0, 6.0, 6.0]
    assert f"{fake.origin}/device" in shown
    assert "BCDF-GHJK" in shown


def test_slow_down_adds_five_seconds_for_good(enrol):
    slow = (400, {"error": "slow_down"})
    _, waits, _ = enrol(PENDING, slow, PENDING, (429, {}), PENDING, (200, {}))

    assert waits == [6.0, 6.0, 11.0, 11.0, 16.0, 16.0]


def test_a_no_on_the_page_is_a_no(enrol):
    outcome, _, _ = enrol(PENDING, (400, {"error": "access_denied"}))

    assert isinstance(outcome, EnrolmentDeniedError)


@pytest.mark.parametrize("error", ["expired_token", "invalid_grant", "server\x1b[2Jside"])
def test_any_other_error_ends_it(enrol, error):
    outcome, _, _ = enrol((400, {"error": error}))

    assert isinstance(outcome, EnrolmentError)
    assert not isinstance(outcome, EnrolmentDeniedError)
    assert "\x1b" not in str(outcome)


@pytest.mark.parametrize(
    "start",
    [
        {"verification_uri": "https://evil.example/device"},
        {"verification_uri": ""},
        {"user_code": ""},
        {"device_code": None},
    ],
)
def test_an_address_elsewhere_or_no_code_is_not_shown(enrol, start):
    outcome, waits, lines = enrol(**start)

    assert isinstance(outcome, EnrolmentError)
    assert (waits, lines) == ([], [])


@pytest.mark.parametrize("rest", ["0/device", ".evil.example/device", "@evil.example/device"])
def test_an_address_that_only_begins_like_the_host_is_not_shown(enrol, fake, rest):
    """`http://host:80` begins `http://host:8080/`, `http://host.evil` and `http://host@evil`."""
    outcome, _, lines = enrol(verification_uri=fake.origin + rest)

    assert isinstance(outcome, EnrolmentError)
    assert lines == []


def test_control_characters_are_not_shown(enrol):
    _, _, (shown,) = enrol((200, {}), user_code="BC\x1b[31mDF\x07")

    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(
    ("env", "platform", "here"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "w"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "x"}, "linux", False),
        ({"DISPLAY": ":0", "WSL_DISTRO_NAME": "x"}, "linux", False),
        ({"BROWSER": "firefox", "SSH_CONNECTION": "x"}, "linux", True),
        ({}, "darwin", True),
        ({"SSH_TTY": "x"}, "darwin", False),
        ({}, "win32", True),
    ],
)
def test_a_browser_is_expected_where_a_display_is(env, platform, here, monkeypatch):
    monkeypatch.setattr("pathlib.Path.exists", lambda _: False)  # not in a container

    assert _browser.is_here(env, platform) is here


@pytest.mark.service
@pytest.mark.timeout(60)
@pytest.mark.parametrize(("decision", "state"), [("yes", "on"), ("no", "off")])
def test_over_ssh_a_code_leads_to_the_answer(
    package, terminal, browser, host, console, decision, state
):
    script = browser(decision).split()[:-1]
    package(host.origin, timeout=40)
    shell = terminal("import tracked; print('imported')", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22")
    shell.expect("[y/N]").send("y\n").expect("enter the code").expect("\n\n")
    code = shell.text.partition("enter the code")[2].split()[0]
    subprocess.run([*script, f"{host.origin}/device?user_code={code}"], check=True)
    shell.expect("imported", 30)

    assert shell.wait() == 0
    assert sys.executable in script
    assert f"tracked: {state}" in console("status").stdout
