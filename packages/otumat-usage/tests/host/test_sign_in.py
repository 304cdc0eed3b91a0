"""Laws of signing in: who may enrol is proven first, and nothing about them is kept.

A real mail server (aiosmtpd) and a real OpenID provider (oidc-provider-mock) answer.
"""

import asyncio
import base64
import io
import json
import re
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from click.testing import CliRunner

from otumat_usage.host import _mail, _oidc, _packages, _providers
from otumat_usage.host._errors import PackageInvalid, SignInRefused, SignInUnavailable, UrlInvalid
from otumat_usage.host._journal import Journal
from otumat_usage.host.cli import host_group

pytestmark = pytest.mark.interop

ISSUER = "http://127.0.0.1:8080"


@pytest.fixture
def by_mail(service, mails):
    server = _mail.MailServer(f"smtp://127.0.0.1:{mails.port}", "usage@example.org")
    with service.host.database.write() as connection:
        _providers.set_mail_server(connection, server)
        _packages.admit(connection, "demo", "email", ["example.org"])
    return service


@pytest.fixture
def ask(by_mail):
    """Open the consent page, be sent away, and ask for a link."""

    def ask(address="ann@example.org", browser=None, **changes):
        browser = browser or by_mail.browser
        there = browser.get(by_mail.authorization(**changes))
        assert there.status_code == 303
        page = browser.get(there.headers["location"])
        csrf = re.search('name="csrf" value="([^"]+)"', page.text)[1]
        return browser.post(there.headers["location"], data={"csrf": csrf, "email": address})

    return ask


def link_in(mail):
    return re.search(r"http\S+token=\S+", mail[1].get_payload(decode=True).decode())[0]


def test_a_link_by_mail_leads_back_to_the_question(by_mail, ask, mails):
    assert ask().status_code == 200
    ((recipients, mail),) = mails.taken
    assert recipients == ["ann@example.org"]
    assert (mail["From"], mail["To"]) == ("usage@example.org", "ann@example.org")

    back = by_mail.browser.get(link_in(mails.taken[0]))

    assert back.status_code == 303
    assert back.headers["location"] == by_mail.authorization()
    answer = by_mail.decide()
    tokens = by_mail.redeem(by_mail.values(answer)["code"]).json()
    assert by_mail.upload(tokens, by_mail.batch(tokens, "plot")).status_code == 200


def test_without_it_nothing_is_recorded(by_mail):
    """A form that was made for the page without the proof cannot be posted either."""
    with by_mail.host.database.write() as connection:
        _packages.admit(connection, "demo", "anonymous")
    page = by_mail.browser.get(by_mail.authorization()).text
    with by_mail.host.database.write() as connection:
        _packages.admit(connection, "demo", "email")
    fields = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page))

    answer = by_mail.browser.post(by_mail.authorization(), data=fields | {"decision": "yes"})

    assert answer.headers["location"].startswith("/user/sign-in?")
    assert by_mail.browser.get(by_mail.authorization()).status_code == 303


def test_what_signs_a_form_proves_nothing_about_who_sends_it(by_mail):
    """Whoever chose a cookie with quoted zeros had a form signed as if it were a seal."""
    far = json.dumps({"domain": "example.org", "how": "email", "until": 2**60})
    proof = base64.urlsafe_b64encode(f"{far:<90} ".encode()).decode()
    assert proof.endswith("==")  # where reading it ends
    query = f"{proof}&package=demo&next=%2Fuser%2Fusage-install%3Fx"
    form = {"Cookie": r'otumat_form="sealed\000user\000x"'}
    page = by_mail.browser.get(f"/user/sign-in?{query}", headers=form).text
    mark = re.search('name="csrf" value="([^"]+)"', page)[1]

    cookies = {"Cookie": rf'otumat_form="x\000sign-in"; otumat_user={query}.{mark}'}
    answer = by_mail.browser.get(by_mail.authorization(), headers=cookies)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/user/sign-in?")


def test_a_link_is_good_for_its_browser_and_a_quarter_of_an_hour(by_mail, ask, mails):
    ask()
    link = link_in(mails.taken[0])
    stranger = by_mail.new_browser()

    assert stranger.get(link).status_code == 403
    assert by_mail.browser.get(link[:-1] + "x").status_code == 403
    by_mail.clock.forward(seconds=900)
    assert by_mail.browser.get(link).status_code == 403
    stranger.close()


def test_a_sign_in_lasts_an_hour_and_for_what_it_proved(by_mail, ask, mails):
    ask()
    by_mail.browser.get(link_in(mails.taken[0]))
    assert by_mail.browser.get(by_mail.authorization()).status_code == 200
    with by_mail.host.database.write() as connection:
        _packages.admit(connection, "demo", "email", ["other.example"])
    assert by_mail.browser.get(by_mail.authorization()).status_code == 303
    with by_mail.host.database.write() as connection:
        _packages.admit(connection, "demo", "email")
    assert by_mail.browser.get(by_mail.authorization()).status_code == 200
    by_mail.clock.forward(seconds=3600)
    assert by_mail.browser.get(by_mail.authorization()).status_code == 303


@pytest.mark.parametrize(
    "address",
    [
        "", "ann", "ann@", "@example.org", "ann@other.example", "ann@example.org.evil.example",
        "ann@example.org\r\nBcc: eve@evil.example", "ann@example.org, eve@evil.example",
        "ann@[127.0.0.1]", '"ann"@example.org', "a" * 65 + "@example.org", "änn@example.org",
    ],
)  # fmt: skip
def test_no_other_address_is_written_to(ask, mails, address):
    assert ask(address).status_code == 422
    assert mails.taken == []


def test_a_mailbox_is_never_flooded(ask, mails, by_mail):
    answers = [ask(browser=by_mail.new_browser()).status_code for _ in range(5)]

    assert answers == [200, 200, 200, 503, 503]
    assert len(mails.taken) == 3


def test_other_spellings_of_a_mailbox_reach_it_no_more_often(ask, mails, by_mail):
    spelled = ["ann", "Ann+1", "a.n.n", "ann+x.y+z", "ANN"]

    answers = [ask(f"{one}@example.org", browser=by_mail.new_browser()) for one in spelled]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 503, 503]
    assert [to for (to,), _ in mails.taken] == [f"{one}@example.org" for one in spelled[:3]]


def test_one_address_asks_for_twenty_links_in_ten_minutes(ask, mails, by_mail):
    def flood(number):
        browsers = [by_mail.new_browser() for _ in range(number)]
        return [ask(f"a{id(each)}@example.org", browser=each).status_code for each in browsers]

    first = flood(22)
    by_mail.clock.forward(seconds=600)

    assert first == [200] * 20 + [503] * 2
    assert flood(1) == [200]
    assert len(mails.taken) == 21


def test_the_form_needs_its_own_cookie_and_token(by_mail, mails):
    there = by_mail.browser.get(by_mail.authorization()).headers["location"]
    page = by_mail.browser.get(there).text
    csrf = re.search('name="csrf" value="([^"]+)"', page)[1]
    stranger = by_mail.new_browser()

    for browser, token in ((stranger, csrf), (by_mail.browser, "x")):
        answer = browser.post(there, data={"csrf": token, "email": "ann@example.org"})
        assert answer.status_code == 403
    stranger.close()
    assert mails.taken == []


@pytest.mark.parametrize(
    "there",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/admin/enter?key=x", "",
     "/user/usage-install", "/device?\r\nX: y", "/user/usage-install?" + "x" * 5000],
)  # fmt: skip
def test_it_leads_back_to_our_own_pages_only(by_mail, there):
    answer = by_mail.browser.get("/user/sign-in", params={"package": "demo", "next": there})

    assert answer.status_code == 400


def test_the_device_page_asks_for_it_too(by_mail, ask, mails):
    form = {"client_id": "otumat-usage", "package": "demo"}
    codes = by_mail.browser.post("/auth/device", data=form).json()
    address = codes["verification_uri_complete"]
    assert by_mail.browser.get(address).status_code == 303
    ask()
    by_mail.browser.get(link_in(mails.taken[0]))

    assert by_mail.browser.get(address).status_code == 200


def test_nothing_about_the_person_is_stored(by_mail, ask, mails, tmp_path):
    ask("very-special-name@example.org")
    by_mail.browser.get(link_in(mails.taken[0]))
    tokens = by_mail.redeem(by_mail.values(by_mail.decide())["code"]).json()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}

    held = by_mail.browser.get("/api/usage-self", headers=header).text

    assert '"how":"browser-email"' in held.replace(" ", "")
    assert "special" not in held
    for file in (tmp_path / "host").iterdir():
        assert b"very-special-name" not in file.read_bytes()


def test_the_text_says_what_happens_to_the_address(by_mail):
    page = by_mail.browser.get("/p/demo/consent").text

    assert "you prove it once" in page
    about = by_mail.browser.get("/.well-known/otumat-usage?package=demo").json()
    assert about["sign_in"] == "email"


@pytest.fixture
def told(service):
    """What the host's log says, line by line."""
    out = io.StringIO()
    service.app._app._app.state.journal = Journal(out)
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_mail_server_that_is_gone_is_told(by_mail, ask, told):
    """To who wants to sign in, and to the maintainer; the log names nobody."""
    with by_mail.host.database.write() as connection:
        gone = _mail.MailServer("smtp://127.0.0.1:1", "usage@example.org")
        _providers.set_mail_server(connection, gone)

    answer = ask()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "600")
    assert "Signing in does not work now" in answer.text
    (line,) = told()
    assert (line["event"], line["type"]) == ("sign-in", "ConnectionRefusedError")
    assert "example.org" not in str(line)


# --- OpenID Connect


@pytest.fixture(scope="module")
def provider():
    from oidc_provider_mock import User, run_server_in_thread

    users = [
        User(sub="ann", claims={"email": "ann@example.org", "email_verified": True}),
        User(sub="eve", claims={"email": "eve@example.org", "email_verified": False}),
    ]
    with run_server_in_thread(user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def by_provider(service, provider):
    service.clock.at = time.time_ns() // 1_000_000  # the provider's clock is the real one
    with service.host.database.write() as connection:
        _providers.set_provider(connection, provider, "usage")
        _packages.admit(connection, "demo", "oidc", ["example.org"])
    return service


@pytest.fixture
def sign_in(by_provider, monkeypatch):
    """Walk to the provider and sign in there; return the address it sends the browser to."""
    monkeypatch.setenv(_oidc.SECRET, "a-secret")

    def sign_in(sub):
        there = by_provider.browser.get(by_provider.authorization()).headers["location"]
        away = by_provider.browser.get(there)
        assert away.status_code == 303
        answer = httpx.post(away.headers["location"], data={"sub": sub})
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["location"].removeprefix(ISSUER)

    return sign_in


def test_a_provider_s_user_is_led_back_to_the_question(by_provider, sign_in):
    back = by_provider.browser.get(sign_in("ann"))

    assert back.status_code == 303, back.text
    assert back.headers["location"] == by_provider.authorization()
    assert by_provider.values(by_provider.decide())["code"]


def test_an_unproven_mail_address_proves_no_domain(by_provider, sign_in):
    by_provider.browser.get(sign_in("eve"))

    assert by_provider.browser.get(by_provider.authorization()).status_code == 303
    with by_provider.host.database.write() as connection:
        _packages.admit(connection, "demo", "oidc")
    assert by_provider.browser.get(by_provider.authorization()).status_code == 200


def test_an_answer_counts_once_in_its_browser_and_from_its_provider(by_provider, sign_in):
    back = sign_in("ann")
    stranger = by_provider.new_browser()

    assert stranger.get(back).status_code == 403
    assert by_provider.browser.get(back.replace("state=", "state=x")).status_code == 403
    mixed = f"{back}&iss=https%3A%2F%2Fother.example"
    assert by_provider.browser.get(mixed).status_code == 403
    assert by_provider.browser.get(re.sub("code=[^&]+", "code=x", back)).status_code == 403
    stranger.close()


def test_the_request_carries_state_nonce_and_challenge(by_provider):
    there = by_provider.browser.get(by_provider.authorization()).headers["location"]
    away = by_provider.browser.get(there).headers["location"]

    sent = {name: value[0] for name, value in parse_qs(urlsplit(away).query).items()}

    assert sent["code_challenge_method"] == "S256"
    assert sent["redirect_uri"] == f"{ISSUER}/user/sign-in/oidc"
    assert "openid" in sent["scope"].split()
    assert len(sent["nonce"]) >= 43
    again = by_provider.browser.get(there).headers["location"]
    assert f"nonce={sent['nonce']}" not in again


def test_nobody_has_the_provider_asked_without_end(by_provider, sign_in):
    """Neither by beginning, nor by codes that are none."""
    back = sign_in("ann")
    there = by_provider.browser.get(by_provider.authorization()).headers["location"]
    for _ in range(199):
        by_provider.host.provider.count("127.0.0.1", by_provider.clock())

    refused = [by_provider.browser.get(url) for url in (there, back)]
    by_provider.clock.forward(seconds=600)
    begun = by_provider.browser.get(there)

    for answer in refused:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "600")
        assert "Too many" in answer.text
    assert begun.status_code == 303
    assert by_provider.browser.get(back).status_code == 303


def test_a_provider_that_keeps_us_waiting_keeps_nobody_else_waiting(by_provider):
    """Those who wait for it share their threads with all that is read from the store."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=100)
    with by_provider.host.database.write() as connection:
        port = silent.getsockname()[1]
        _providers.set_provider(connection, f"http://127.0.0.1:{port}", "usage")
    there = by_provider.browser.get(by_provider.authorization()).headers["location"]
    client = by_provider.browser._client

    async def crowd():
        waiting = [asyncio.ensure_future(client.get(there)) for _ in range(60)]
        first, _ = await asyncio.to_thread(silent.accept)  # they have reached it
        read = await client.get("/.well-known/otumat-usage?package=demo")
        done = [task for task in waiting if task.done()]
        for task in waiting:
            task.cancel()
        first.close()
        silent.close()
        await asyncio.gather(*waiting, return_exceptions=True)
        return read.status_code, done

    assert by_provider.browser._loop.run(crowd()) == (200, [])


def test_a_provider_that_is_gone_is_told(by_provider, told):
    with by_provider.host.database.write() as connection:
        _providers.set_provider(connection, "http://localhost:1", "usage")
    there = by_provider.browser.get(by_provider.authorization()).headers["location"]

    assert by_provider.browser.get(there).status_code == 503
    assert [line["event"] for line in told()] == ["sign-in"]


class Tokens:
    """A provider's key, its address, and ID tokens that it signs."""

    def __init__(self):
        from joserfc.jwk import RSAKey

        self.key = RSAKey.generate_key(2048, {"kid": "k", "use": "sig", "alg": "RS256"})
        self.now = int(time.time())

    def sign(self, *, key=None, alg="RS256", **changes):
        from joserfc import jwt

        claims = {
            "iss": "http://localhost:9", "aud": "usage", "sub": "ann", "nonce": "n",
            "exp": self.now + 60, "iat": self.now,
        } | changes  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": "k"}, claims, key or self.key, algorithms=[alg])


@pytest.fixture(scope="module")
def tokens():
    return Tokens()


@pytest.fixture
def judge(tokens):
    """Return what an ID token says, with the keys served by a real server."""
    import http.server
    import json

    class Keys(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"keys": [tokens.key.as_dict(private=False)]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    keys = f"http://127.0.0.1:{server.server_port}/keys"
    provider = _oidc.Provider("http://localhost:9", "x", "y", keys, "usage")
    yield lambda token: _oidc.claims_of(provider, token, nonce="n", now=tokens.now * 1000)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_good_id_token_is_believed(judge, tokens):
    assert judge(tokens.sign())["sub"] == "ann"
    assert judge(tokens.sign(aud=["usage", "other"], azp="usage"))["sub"] == "ann"
    assert judge(tokens.sign(exp=tokens.now - 30))["sub"] == "ann"  # clocks differ


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "http://localhost:8"}, {"iss": None}, {"aud": "other"}, {"aud": None},
        {"aud": ["usage", "other"]}, {"azp": "other"}, {"nonce": "m"}, {"nonce": None},
        {"exp": -3600}, {"exp": None}, {"iat": None}, {"iat": 3600}, {"sub": None},
    ],
    ids=str,
)  # fmt: skip
def test_an_id_token_with_a_wrong_claim_is_refused(judge, tokens, change):
    shifted = {
        name: tokens.now + value if isinstance(value, int) else value
        for name, value in change.items()
    }

    with pytest.raises(SignInRefused):
        judge(tokens.sign(**shifted))


def test_an_id_token_signed_by_another_is_refused(judge, tokens):
    from joserfc.jwk import OctKey, RSAKey

    other = RSAKey.generate_key(2048, {"kid": "k"})
    public = tokens.key.as_pem(private=False)
    header, body, mark = tokens.sign().split(".")
    wrong = [
        tokens.sign(key=other),
        f"{header}.{body}.{mark[:-4]}AAAA",
        f"eyJhbGciOiJub25lIn0.{body}.",
        tokens.sign(key=OctKey.import_key(b"x" * 64), alg="HS256"),
        "nonsense",
        "",
    ]
    assert b"PUBLIC KEY" in public

    for token in wrong:
        with pytest.raises(SignInRefused):
            judge(token)


def test_a_provider_that_names_another_issuer_is_not_used(provider):
    with pytest.raises(SignInUnavailable, match="issuer"):
        _oidc.discover(provider + "/", "usage")


# --- what the maintainer types


def test_the_commands_set_it_up_in_an_order_that_works(tmp_path, provider):
    folder = ["-d", str(tmp_path / "host")]

    def run(*arguments):
        return CliRunner().invoke(host_group, [*arguments, *folder])

    run("add-package", "mypackage")
    early = run("sign-in", "require", "mypackage", "email")
    smtp = ["--smtp", "smtp://us@mail.example.org:587", "--sender", "us@example.org"]
    assert run("sign-in", "email", *smtp).exit_code == 0
    assert run("sign-in", "oidc", "--issuer", provider, "--client-id", "usage").exit_code == 0
    for how in ("email", "oidc"):
        done = run("sign-in", "require", "mypackage", how, "--domain", "Example.org")
        assert (done.exit_code, done.output) == (0, f"mypackage: {how} of Example.org\n")

    assert early.exit_code == 2
    assert "host sign-in email" in early.output
    wrong = [
        ("require", "mypackage", "anonymous", "--domain", "example.org"),
        ("require", "mypackage", "email", "--domain", "no domain"),
        ("require", "other", "anonymous"),
        ("email", "--smtp", "http://x", "--sender", "us@example.org"),
        ("email", "--smtp", "smtp://u:password@x", "--sender", "us@example.org"),
        ("email", "--smtp", "smtp://x", "--sender", "nobody"),
        ("oidc", "--issuer", "http://localhost:1", "--client-id", "usage"),
    ]
    for arguments in wrong:
        answer = run("sign-in", *arguments)
        assert answer.exit_code == 2, arguments
        assert answer.output.startswith("Error: ")
        assert answer.output.count("\n") == 1


def test_what_cannot_be_right_is_refused(service):
    with pytest.raises(UrlInvalid):
        _mail.MailServer("smtp://", "us@example.org")
    with service.host.database.write() as connection, pytest.raises(PackageInvalid):
        _packages.admit(connection, "demo", "password")
