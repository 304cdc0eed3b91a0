"""Whatever goes wrong between a yes and the tokens: the import goes on, what is kept is right."""

import sys
import threading

import pytest

pytestmark = pytest.mark.service

IMPORT = "import tracked; print('imported', tracked.usage_agent.refusal())"
METADATA = "/.well-known/oauth-authorization-server"
TOKEN = "/auth/token"
# A browser that goes straight back to the program, with the parameters that a test says.
BACK = """
import sys, urllib.error, urllib.parse, urllib.request
asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sys.argv[1]).query))
words = {"state": asked["state"], "iss": sys.argv[1].partition("/user/")[0], **ANSWER}
address = f"{asked['redirect_uri']}?{urllib.parse.urlencode(words)}"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for _ in range(2):  # the second time it is replayed
    try:
        opener.open(address, timeout=5)
    except OSError:
        pass
"""
GRANTED = {
    "access_token": "at", "refresh_token": "rt", "expires_in": 3600, "token_type": "Bearer",
    "scope": "usage:write usage:self", "install_id": "install-1",
}  # fmt: skip


@pytest.fixture(name="say_yes")
def _say_yes(package, terminal, fake, tmp_path):
    """Say y at the terminal; the browser comes back with *answer*. Returns what was shown."""
    script = tmp_path / "back.py"

    def run(timeout=20, **answer):
        script.write_text(BACK.replace("ANSWER", repr(answer or {"code": "c-1"})))
        package(fake.origin, timeout=timeout)
        shell = terminal(IMPORT, BROWSER=f"{sys.executable} {script} %s")
        shell.expect("[y/N]").send("y\n").expect("imported", 40)
        assert shell.wait() == 0, shell.text
        return shell.text

    return run


def _kept(data):
    answer = data / "packages" / "tracked" / "answer"
    assert not list(data.rglob("*.spool"))
    return answer.read_text().splitlines()[1:], (answer.parent / "tokens.json").exists()


def test_a_right_answer_ends_in_a_yes_and_tokens(say_yes, fake, data):
    """So that the failures below fail for their own reasons."""
    fake.metadata()
    fake.json(TOKEN, GRANTED)
    assert "imported None" in say_yes()

    answer, tokens = (
        data.joinpath("packages/tracked/answer").read_text(),
        data.joinpath("packages/tracked/tokens.json").exists(),
    )
    assert f"\nyes {fake.origin} " in answer
    assert tokens
    assert len([path for _, path, _, _ in fake.requests if path == TOKEN]) == 1


@pytest.mark.parametrize(
    "metadata",
    [
        (404, {}, b""),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (200, {}, b"<html>please log in to the hotel</html>"),
        (200, {}, b'{"issuer": "https://evil.example"}'),
        (200, {}, b" " * 70_000),
    ],
    ids=["no such host", "redirect", "portal", "other issuer", "oversized"],
)
def test_a_wrong_host_records_nothing(say_yes, fake, data, metadata):
    fake.routes[METADATA] = metadata
    text = say_yes()

    assert "Nothing is recorded" in text
    assert "imported not asked yet" in text
    assert _kept(data) == (["unanswered 1"], False)


def test_a_host_that_hangs_records_nothing(say_yes, fake, data):
    release = threading.Event()

    def hang(_):
        release.wait(30)
        return 200, {}, b"{}"

    fake.routes[METADATA] = hang
    text = say_yes(timeout=1)
    release.set()

    assert "imported not asked yet" in text
    assert _kept(data) == (["unanswered 1"], False)


@pytest.mark.parametrize(
    "token",
    [
        (400, {}, b'{"error": "invalid_grant"}'),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (200, {}, b"{}"),
        (200, {}, b" " * 70_000),
    ],
    ids=["replayed code", "redirect", "no tokens", "oversized"],
)
def test_a_wrong_token_answer_records_nothing(say_yes, fake, data, token):
    fake.metadata()
    fake.routes[TOKEN] = token
    text = say_yes()

    assert "imported not asked yet" in text
    assert "Traceback" not in text
    assert _kept(data) == (["unanswered 1"], False)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"code": "c-1", "state": "guess"}, "nobody answered"),
        ({"code": "c-1", "iss": "https://evil.example"}, "came from 'https://evil.example'"),
        ({"error": "server_error"}, "could not enrol you: server_error"),
    ],
)
def test_an_answer_that_is_not_ours_records_nothing(say_yes, fake, data, answer, why):
    fake.metadata()
    fake.json(TOKEN, GRANTED)
    # A wrong state leaves the listener waiting, so that this one ends with the time.
    text = say_yes(timeout=3 if "state" in answer else 20, **answer)

    assert why in text
    assert "imported not asked yet" in text
    assert _kept(data) == (["unanswered 1"], False)
    assert not [path for _, path, _, _ in fake.requests if path == TOKEN]


def test_access_denied_is_a_no_that_is_kept(say_yes, fake, data):
    fake.metadata()
    text = say_yes(error="access_denied")

    assert "imported the user said no (page, " in text
    (answer,), tokens = _kept(data)
    assert answer.startswith("no ")
    assert not tokens
