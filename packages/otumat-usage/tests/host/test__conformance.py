"""Laws of the conformance rules: our host keeps each one, and each one can be broken."""

import contextlib
import json
import re
import uuid

import pytest
from click.testing import CliRunner

from otumat_usage.host import _packages
from otumat_usage.host._app import make_app
from otumat_usage.host._conformance import RULES, examine_server
from otumat_usage.host._errors import RuleUnknown, ServerSilent, UrlInvalid
from otumat_usage.host._host import open_host
from otumat_usage.host._server import bind
from otumat_usage.host.cli import host_group

pytestmark = pytest.mark.service

META = "/.well-known/oauth-authorization-server"
ABOUT = "/.well-known/otumat-usage"
PAGE = "/user/usage-install"
TOKEN = "/auth/token"
EVENT = "/api/usage-event"
SELF = "/api/usage-self"
CODE = "http://127.0.0.1:49152/done?code=x&state=s&iss=i"


class Spoil:
    """Change the answers that match; everything else stays as it was.

    Args:
        path: Whose answers.
        sent: Bytes that the request holds, in its address or body.
        when: The status of the right answer.
        sets: Members of the JSON answer, None to leave one out, or a function.
        headers: Headers, None to leave one out.
    """

    def __init__(
        self, path, *, method=None, sent=b"", when=None, status=None, sets=(), headers=(), body=None
    ):
        self.path, self.method, self.sent, self.when = path, method, sent, when
        self.status, self.sets, self.headers, self.body = status, sets, headers, body

    def __call__(self, scope, sent, status, headers, body):
        if (
            scope["path"] != self.path
            or self.method not in (None, scope["method"])
            or self.sent not in sent
            or self.when not in (None, status)
        ):
            return status, headers, body
        if self.sets:
            data = json.loads(body)
            changes = {k: v() if callable(v) else v for k, v in dict(self.sets).items()}
            data = {k: v for k, v in (data | changes).items() if v is not None}
            body = json.dumps(data).encode()
        if self.body is not None:
            body = re.sub(self.body[0], self.body[1], body, flags=re.DOTALL)
        headers = {k: v for k, v in (headers | dict(self.headers)).items() if v is not None}
        return self.status or status, headers, body


#: For each rule a server that is wrong in just that.
WRONG = {
    "metadata": Spoil(META, headers={"content-type": "text/plain"}),
    "metadata-issuer": Spoil(META, sets={"issuer": "https://other.example"}),
    "metadata-endpoints": Spoil(META, sets={"revocation_endpoint": None}),
    "metadata-pkce": Spoil(META, sets={"code_challenge_methods_supported": ["plain", "S256"]}),
    "metadata-iss": Spoil(META, sets={"authorization_response_iss_parameter_supported": None}),
    "package-known": Spoil(ABOUT, sets={"wire": [1]}),
    "package-unknown": Spoil(ABOUT, when=404, status=200),
    "consent-page": Spoil(PAGE, body=(b'value="no"', b'value="maybe"')),
    "consent-page-not-framed": Spoil(
        PAGE, headers={"x-frame-options": None, "content-security-policy": None}
    ),
    "redirect-loopback-only": Spoil(
        PAGE, sent=b"localhost", status=303, headers={"location": CODE}
    ),
    "redirect-any-port": Spoil(PAGE, sent=b"%3A65535", when=303, headers={"location": CODE}),
    "client-known": Spoil(PAGE, sent=b"client_id=other", status=303, headers={"location": CODE}),
    "challenge-required": Spoil(PAGE, sent=b"=plain", status=200),
    "package-required": Spoil(PAGE, sent=b"no-such", status=200),
    "parameters-once": Spoil(PAGE, sent=b"&state=x", status=200),
    "faults-are-told": Spoil(PAGE, sent=b"=everything", headers={"location": "/?error=x"}),
    "yes-gives-a-code": Spoil(PAGE, when=303, status=302),
    "no-is-told": Spoil(PAGE, sent=b"decision=no", headers={"location": CODE}),
    "forms-are-bound": Spoil(PAGE, when=403, status=303, headers={"location": CODE}),
    "consent-is-to-the-text": Spoil(PAGE, when=409, status=303, headers={"location": CODE}),
    "code-gives-tokens": Spoil(TOKEN, when=200, sets={"token_type": "mac"}),
    "tokens-are-not-cached": Spoil(TOKEN, headers={"cache-control": None}),
    "code-works-once": Spoil(TOKEN, sent=b"=refresh_token", when=400, status=200),
    "verifier-is-compared": Spoil(TOKEN, sent=b"verifier=AAA", when=400, status=200),
    "redirect-is-compared": Spoil(TOKEN, sent=b"49153", when=400, status=200),
    "token-faults": Spoil(TOKEN, sent=b"=password", sets={"error": "invalid_request"}),
    "token-form-once": Spoil(TOKEN, method="GET", status=200),
    "refresh-renews": Spoil(TOKEN, sent=b"=refresh_token", sets={"install_id": "other"}),
    "refresh-never-widens": Spoil(TOKEN, sent=b"&scope=", when=400, status=200),
    "refresh-can-be-repeated": Spoil(
        TOKEN, sent=b"=refresh_token", when=200, sets={"refresh_token": lambda: uuid.uuid4().hex}
    ),
    "retired-refresh-revokes": Spoil(TOKEN, sent=b"=refresh_token", when=400, status=200),
    "revocation-ends-the-grant": Spoil(TOKEN, sent=b"=refresh_token", when=400, status=200),
    "revocation-of-the-unknown": Spoil("/auth/revoke", status=400),
    "device-codes": Spoil("/auth/device", when=200, sets={"verification_uri": None}),
    "device-waits": Spoil(TOKEN, sent=b"device", when=400, sets={"error": "expired_token"}),
    "device-yes": Spoil("/device", method="GET", body=(rb"<b>[A-Z]{4}-[A-Z]{4}</b>", b"")),
    "device-no": Spoil(TOKEN, sent=b"device", when=400, sets={"error": "expired_token"}),
    "device-form-is-bound": Spoil(TOKEN, sent=b"device", when=400, status=200),
    "upload-is-acknowledged": Spoil(EVENT, when=200, sets={"accepted": 0}),
    "upload-may-be-packed": Spoil(EVENT, sent=b"\x1f\x8b", status=415),
    "news-are-bounded": Spoil(EVENT, when=200, sets={"notice": "\x1b[2J"}),
    "upload-twice-counts-once": Spoil(EVENT, when=200, sets={"duplicate": False}),
    "batch-id-is-for-one-body": Spoil(EVENT, when=422, status=200),
    "bad-rows-are-rejected-alone": Spoil(EVENT, when=200, sets={"rejected": []}),
    "overlaps-are-replays": Spoil(EVENT, when=200, sets={"accepted": 3}),
    "token-is-required": Spoil(
        EVENT, when=401, headers={"www-authenticate": 'Bearer error="invalid_token"'}
    ),
    "token-is-checked": Spoil(EVENT, when=401, sets={"error_msg": None}),
    "token-in-the-header-only": Spoil(EVENT, sent=b"access_token=", status=200),
    "scope-is-checked": Spoil(EVENT, when=403, headers={"www-authenticate": None}),
    "install-is-checked": Spoil(EVENT, when=403, status=200),
    "malformed-is-told": Spoil(EVENT, when=400, headers={"content-type": "application/json"}),
    "broken-gzip-is-told": Spoil(EVENT, when=400, status=500),
    "media-type-is-checked": Spoil(EVENT, when=415, status=200),
    "size-is-limited": Spoil(EVENT, when=413, status=200),
    "rows-are-limited": Spoil(EVENT, when=413, status=400),
    "self-is-shown": Spoil(SELF, when=200, body=(b".*", b"{}")),
    "self-is-protected": Spoil(SELF, when=403, status=200),
    "self-is-erased": Spoil(EVENT, when=410, sets={"stop": None}),
}


class Server:
    """Our host on a real port, whose answers can be spoiled."""

    def __init__(self, app, url):
        self._app, self.url, self.spoil = app, url, None

    async def __call__(self, scope, receive, send):
        if self.spoil is None:
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        answers = []

        whole = [{"type": "http.request", "body": body, "more_body": False}]

        async def again():  # then what comes after a body: nothing, until the client has gone
            return whole.pop() if whole else await receive()

        async def keep(message):
            answers.append(message)

        await self._app(scope, again, keep)
        headers = [(k.decode().lower(), v.decode()) for k, v in answers[0]["headers"]]
        cookies = [(k.encode(), v.encode()) for k, v in headers if k == "set-cookie"]
        status, headers, answer = self.spoil(
            scope,
            scope["query_string"] + body,
            answers[0]["status"],
            dict(headers),
            b"".join(a.get("body", b"") for a in answers[1:]),
        )
        headers |= {"content-length": str(len(answer))}
        headers.pop("set-cookie", None)
        sent = [(k.encode(), v.encode()) for k, v in headers.items()] + cookies
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def real(tmp_path_factory, on_a_port):
    served = []
    with contextlib.ExitStack() as stack:

        def app_of(url):
            host = open_host(tmp_path_factory.mktemp("conformance") / "host", issuer=url)
            stack.callback(host.stop)
            host.start()
            with host.database.write() as connection:
                _packages.add(connection, "demo", host.now())
                _packages.add(connection, "strict", host.now(), events={"plot": {}})
            served.append(Server(make_app(host), url))
            return served[0]

        stack.enter_context(on_a_port(app_of))
        yield served[0]


@pytest.fixture
def server(real):
    real.spoil = None
    yield real
    real.spoil = None


@pytest.mark.parametrize("package", ["demo", "strict"])
def test_our_host_keeps_every_rule(server, package):
    findings = list(examine_server(server.url, package))

    assert [finding for finding in findings if finding.state != "ok"] == []
    assert len(findings) == len(RULES)


def test_there_is_a_wrong_server_for_every_rule():
    assert sorted(WRONG) == sorted(rule.name for rule in RULES)


@pytest.mark.parametrize("name", sorted(WRONG))
def test_each_rule_can_be_broken(server, name):
    (right,) = examine_server(server.url, "demo", [name])
    server.spoil = WRONG[name]

    (wrong,) = examine_server(server.url, "demo", [name])

    assert (right.state, wrong.state) == ("ok", "broken")
    assert wrong.why


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"consent": [], "limits": [], "wire": 2}'])
def test_answers_of_any_shape_are_findings_and_no_crash(server, body):
    server.spoil = lambda _scope, _sent, _status, headers, _body: (200, headers, body)

    findings = list(examine_server(server.url, "demo"))

    assert all(f.state == "broken" for f in findings if f.rule.startswith("upload"))


def test_what_is_optional_is_not_offered(server):
    server.spoil = Spoil(META, sets={"device_authorization_endpoint": None})

    (finding,) = examine_server(server.url, "demo", ["device-yes"])

    assert finding.state == "not offered"


def test_exit_codes_say_yes_no_and_cannot_say(server):
    def run(*arguments):
        return CliRunner().invoke(host_group, ["conformance", *arguments])

    kept = run(server.url, "--rule", "metadata")
    data = run(server.url, "--rule", "metadata", "--json")
    server.spoil = WRONG["metadata"]
    broken = run(server.url, "--rule", "metadata")
    with bind("127.0.0.1", 0) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    silent = run(closed)

    assert (kept.exit_code, data.exit_code, broken.exit_code, silent.exit_code) == (0, 0, 1, 2)
    assert "1 rules kept, 0 broken" in kept.output
    assert json.loads(data.output)[0]["state"] == "ok"
    assert "BAD metadata" in broken.output
    assert silent.output.startswith("Error: ")
    assert run(server.url, "--rule", "none").exit_code == 2


def test_who_names_no_package_that_anyone_may_use_is_told(server):
    def run(*arguments):
        return CliRunner().invoke(host_group, ["conformance", server.url, *arguments])

    unknown = run("--package", "other", "--rule", "package-known")
    server.spoil = Spoil("/.well-known/otumat-usage", sets={"sign_in": "email", "wire": []})
    closed = run("--rule", "package-known", "--json")
    server.spoil = None
    fine = run("--rule", "package-known")

    assert (unknown.exit_code, closed.exit_code, fine.exit_code) == (1, 1, 0)
    assert (
        unknown.stderr == f"{server.url} takes no package 'other': name one it takes by --package\n"
    )
    assert closed.stderr.startswith("users of 'demo' sign in first ('email')")
    assert json.loads(closed.stdout)[0]["state"] == "broken"
    assert fine.stderr == ""


def test_what_cannot_be_asked_is_refused(server):
    with pytest.raises(UrlInvalid):
        list(examine_server("http://usage.example.org", "demo"))
    with pytest.raises(UrlInvalid):
        list(examine_server("ftp://127.0.0.1", "demo"))
    with pytest.raises(UrlInvalid):
        list(examine_server("http://127.0.0.1:port", "demo"))
    with pytest.raises(UrlInvalid):
        list(examine_server(f"{server.url}/prefix", "demo"))
    with pytest.raises(RuleUnknown):
        list(examine_server(server.url, "demo", ["none"]))
    with bind("127.0.0.1", 0) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ServerSilent):
        list(examine_server(closed, "demo"))
