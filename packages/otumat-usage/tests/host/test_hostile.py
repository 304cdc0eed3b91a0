"""Hostile input: each is refused in bounded memory and time, and nothing is stored."""

import contextlib
import dataclasses
import gzip
import json
import re
import socket
import threading
import time
import uuid
import zlib
from urllib.parse import urlsplit

import pytest

from otumat_usage.host import _care, _grants, _packages, _public, _statistics, _wire
from otumat_usage.host._admin import new_link
from otumat_usage.host._app import make_app
from otumat_usage.host._database import (
    auth_codes,
    consents,
    device_grants,
    families,
    log,
    select,
    tokens,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def uploads(service):
    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        return _statistics.summarise(connection, package, service.clock()).health["uploads"]


def summary(service):
    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        return _statistics.summarise(connection, package, service.clock())


def bomb(size):
    """Return gzip of *size* zero bytes, a thousandth of that on the wire."""
    packer = zlib.compressobj(9, wbits=31)
    chunk = bytes(1 << 20)
    data = b"".join(packer.compress(chunk) for _ in range(size >> 20))
    return data + packer.flush()


def test_a_gzip_bomb_is_refused_before_it_unfolds(service):
    import tracemalloc

    tokens = service.enrol()
    body = bomb(64 << 20)
    assert len(body) < _wire.LIMITS["body_bytes"]
    tracemalloc.start()

    answer = service.upload(tokens, body)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 413
    assert answer.json()["limits"] == _wire.LIMITS
    assert peak < 40 << 20
    assert uploads(service) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip",
        gzip.compress(b"{}")[:-1],
        gzip.compress(b"{}") + b"x",
        gzip.compress(b"{}") + gzip.compress(b"{}"),
        gzip.compress(b""),
        gzip.compress(b"\xff\xfe{}"),
        gzip.compress(b"[" * 100_000),
        gzip.compress(b'{"rows":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        gzip.compress(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        gzip.compress(b'{"installId": "\xed\xa0\x80"}'),
        gzip.compress(b"null"),
        gzip.compress(b'"x"'),
        gzip.compress(b"1e999"),
        gzip.compress(b"{" + b'"a":1,' * 1000 + b"}"),
    ],
    ids=range(15),
)
def test_a_body_that_is_no_batch_is_malformed(steady, body):
    tokens = steady.enrol()

    answer = steady.upload(tokens, body)

    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:otumat:malformed"
    assert uploads(steady) == 0


def test_too_many_rows_are_too_large(service):
    tokens = service.enrol()
    body = service.batch(tokens, "x", rows=[[]] * 10_001, last=10_001)

    assert service.upload(tokens, body).status_code == 413
    assert uploads(service) == 0


def test_a_body_that_is_announced_or_grows_too_large_is_not_read(service):
    tokens = service.enrol()
    taken = 0

    async def endless():
        nonlocal taken
        for _ in range(1000):
            taken += 65_536
            yield bytes(65_536)

    headers = {
        "Authorization": f"Bearer {tokens['access_token']}",
        "Content-Type": "application/json",
    }
    streamed = service.browser.post("/api/usage-event", content=endless(), headers=headers)
    announced = service.browser.post(
        "/api/usage-event", content=b"{}", headers=headers | {"Content-Length": "9" * 12}
    )
    nonsense = service.browser.post(
        "/api/usage-event", content=b"{}", headers=headers | {"Content-Length": "-1"}
    )

    assert [a.status_code for a in (streamed, announced, nonsense)] == [413] * 3
    assert taken <= _wire.LIMITS["body_bytes"] + 65_536
    assert uploads(service) == 0


def test_a_stranger_s_body_is_not_even_read(service):
    taken = 0

    async def body():
        nonlocal taken
        taken += 1
        yield bytes(1000)

    answer = service.browser.post(
        "/api/usage-event",
        content=body(),
        headers={"Authorization": "Bearer x", "Content-Type": "application/json"},
    )

    assert answer.status_code == 401
    assert taken == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": None}, 415),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Encoding": "gzip, gzip"}, 415),
        ({"Content-Encoding": "identity"}, 400),
    ],
)
def test_only_json_and_gzip_are_read(steady, headers, status):
    tokens = steady.enrol()
    named = {name.replace("-", "_"): value for name, value in headers.items()}

    assert steady.upload(tokens, steady.batch(tokens, "plot"), **named).status_code == status


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "",
        "[::1",
        "localhost.evil.example:8080",
        "127.0.0.1:8080, evil.example",
    ],
)
@pytest.mark.parametrize("path", ["/", "/.well-known/oauth-authorization-server", "/device"])
def test_only_known_host_names_are_served(steady, host, path):
    answer = steady.browser.get(path, headers={"Host": host})

    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:otumat:host"


def test_the_loopback_names_are_known(service):
    for host in ("127.0.0.1", "localhost:1", "[::1]:8080", "LOCALHOST"):
        answer = service.browser.get("/device", headers={"Host": host})
        assert answer.status_code == 200, host


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../etc/passwd",
        "/static/%2e%2e/%2e%2e/host.sqlite3",
        "/static/x/../style.css",
        "/p/%2e%2e%2f%2e%2e",
        "/p/..%2fadmin/consent",
        "/p/\u202e/consent",
        "/p/" + "x" * 5000 + "/consent",
        "/p/%00/consent",
        "/p/%ff/consent",
        "//evil.example/",
        "/api/usage-event/",
        "/p/demo/consent/",
    ],
)
def test_path_tricks_find_nothing(steady, path):
    answer = steady.browser.get(path)

    assert answer.status_code in (307, 401, 404)
    assert "root:" not in answer.text
    assert "evil.example" not in answer.headers.get("location", "")


def test_every_answer_has_the_safe_headers(service):
    service.admin()
    answers = [
        service.browser.get(path)
        for path in ("/", "/p/demo", "/device", "/nothing", "/api/nothing", "/p/demo/consent")
    ]
    answers.append(service.browser.get("/", headers={"Host": "evil.example"}))
    answers.append(service.browser.post("/auth/token"))

    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "http" not in policy


def test_names_from_clients_are_text_never_markup(service, instant):
    tokens = service.enrol()
    evil = '<img src=x onerror="alert(1)">'
    rows = [[instant(service.clock()), evil]]
    context = {"package_version": "<b>v</b>", "python": '"><svg onload=x>', "os": "'&amp;"}
    assert service.upload(tokens, service.batch(tokens, "x", rows=rows, context=context))
    service.admin()

    page = service.browser.get("/p/demo").text

    assert evil not in page
    assert "<svg onload" not in page
    assert "<b>v</b>" not in page
    assert "&lt;img src=x" in page


def test_pages_tell_strangers_nothing_about_what_exists(service):
    known, unknown = service.browser.get("/p/demo"), service.browser.get("/p/other")

    assert known.status_code == unknown.status_code == 401
    assert known.text == unknown.text


def test_forms_with_too_many_fields_are_refused(service):
    body = "&".join(f"f{i}=x" for i in range(10_000))

    answer = service.browser.post("/auth/token", content=body.encode(), headers=FORM)

    assert answer.json()["error"] == "invalid_request"


def test_rows_with_colliding_or_huge_values_are_rejected_quickly(service, instant):
    tokens = service.enrol()
    at = instant(service.clock())
    rows = [[at, "x" * 99 + str(i % 10), 10**400] for i in range(300)]
    columns = ["event_date", "event_type", "count"]
    start = time.perf_counter()

    body = service.batch(tokens, *["x"] * 300, rows=rows, headers=columns)
    answer = service.upload(tokens, body)

    assert answer.json()["accepted"] == 0
    assert time.perf_counter() - start < 5


def test_many_properties_and_deep_ones_are_left_out(service, instant):
    service.add("strict", events={"plot": {"kind": "str"}})
    tokens = service.enrol("strict")
    deep = json.loads("[" * 200 + "]" * 200)
    extra = {f"k{i}": i for i in range(1000)} | {"kind": deep}
    rows = [[instant(service.clock()), "plot", extra]]
    columns = ["event_date", "event_type", "properties"]

    answer = service.upload(tokens, service.batch(tokens, "x", rows=rows, headers=columns))

    assert answer.json()["accepted"] == 1


def test_the_admin_link_works_once_and_for_an_hour(service):
    with service.host.database.write() as connection:
        link = new_link(connection, "http://127.0.0.1:8080", service.clock())
        late = new_link(connection, "http://127.0.0.1:8080", service.clock())

    assert service.browser.get(link.replace("key=", "key=x")).status_code == 401
    first = service.browser.get(link)
    stranger = service.new_browser()
    assert first.status_code == 303
    assert "HttpOnly" in first.headers["set-cookie"]
    assert service.browser.get("/").status_code == 200
    assert stranger.get(link).status_code == 401
    assert stranger.get("/").status_code == 401
    service.clock.forward(seconds=3601)
    assert stranger.get(late).status_code == 401
    service.clock.forward(days=30)
    assert service.browser.get("/").status_code == 401


def test_a_sign_out_ends_every_session_and_nobody_elses_page_can_ask_for_it(service):
    service.admin()
    page = service.browser.get("/").text
    lost = service.new_browser()
    with service.host.database.write() as connection:
        link = new_link(connection, service.host.issuer, service.clock())
        unused = new_link(connection, service.host.issuer, service.clock())
    assert lost.get(link).status_code == 303
    csrf = {"csrf": re.search(r'name="csrf" value="([^"]+)"', page)[1]}

    stranger = service.new_browser().post("/admin/leave", data=csrf)
    forged = service.browser.post("/admin/leave", data={"csrf": "x"})
    assert (stranger.status_code, forged.status_code) == (401, 403)
    assert lost.get("/").status_code == 200
    left = service.browser.post("/admin/leave", data=csrf)

    assert (left.status_code, "Signed out" in left.text) == (200, True)
    assert 'otumat_admin=""' in left.headers["set-cookie"]
    assert [browser.get("/").status_code for browser in (lost, service.browser)] == [401, 401]
    assert lost.get(unused).status_code == 401


def test_cookies_are_bound_to_https_when_the_address_is(service):
    host = dataclasses.replace(service.host, issuer="https://usage.example.org")
    browser = type(service.browser)(make_app(host), service.browser._loop)

    answer = browser.get(service.authorization(), headers={"Host": "usage.example.org"})

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-otumat_form=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert browser.get("/", headers={"Host": "127.0.0.1"}).status_code == 400
    browser.close()


@pytest.mark.parametrize("cookie", ["mine", "\\060" * 11, "a" * 42, "a" * 44, "ä" * 43])
def test_a_browser_does_not_choose_its_session(service, cookie):
    sent = {"Cookie": f"otumat_form={cookie}".encode("latin-1")}

    answer = service.browser.get(service.authorization(), headers=sent)

    assert re.match("otumat_form=[A-Za-z0-9_-]{43};", answer.headers["set-cookie"])
    assert cookie not in answer.headers["set-cookie"]


def test_a_cookie_is_read_as_it_was_given(service):
    """Not out of quotes, which for a long one takes early releases of Python seconds to undo."""
    url = service.authorization()
    page = service.browser.get(url)
    given = re.search("otumat_form=([^;]+)", page.headers["set-cookie"])[1]
    form = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page.text))

    def post(*cookies):
        sent = [("Cookie", cookie) for cookie in cookies]
        return service.new_browser().post(url, data=form | {"decision": "no"}, headers=sent)

    for good in ([f"otumat_form={given}"], ["a=b; c", f"d; otumat_form={given} ;e=f"]):
        assert post(*good).status_code == 303
    for bad in (f'otumat_form="{given}"', f"x_otumat_form={given}", f"otumat_form=\\{given}", ""):
        assert post(bad).status_code == 403


@pytest.mark.parametrize("scope", ["usage:self ", " usage:self  usage:self\t", " "])
def test_a_scope_is_stored_as_what_it_says_however_long_it_is_said(service, scope):
    """Else each token of an install, and it may fetch many, could take 60 KB of the disk."""
    said = scope * 1000
    meant = "usage:self" if scope.strip() else "usage:write usage:self"

    one = service.redeem(service.code(scope=said)).json()
    two = service.refresh(service.enrol()["refresh_token"], scope=said).json()
    form = {"client_id": "otumat-usage", "package": "demo", "scope": said}
    assert service.browser.post("/auth/device", data=form).status_code == 200

    assert [one["scope"], two["scope"]] == [meant] * 2
    with service.host.database.read() as connection:
        stored = [
            scope
            for table in (auth_codes, device_grants, families, tokens)
            for scope in connection.scalars(select(table.c.scope))
        ]
    assert set(stored) <= {meant, "usage:write usage:self"}


def test_the_maintainer_s_cookie_is_read_as_it_was_given_too(service):
    given = re.search("otumat_admin=([^;]+)", service.admin().headers["set-cookie"])[1]

    def status(value):
        sent = {"Cookie": f"otumat_admin={value}"}
        return service.new_browser().get("/", headers=sent).status_code

    assert [status(given), status(f'"{given}"'), status("")] == [200, 401, 401]


def test_guessing_admin_links_is_stopped_after_ten(service):
    with service.host.database.write() as connection:
        link = new_link(connection, "http://127.0.0.1:8080", service.clock())
    wrong = [service.browser.get("/admin/enter?key=x").status_code for _ in range(11)]

    stopped = service.browser.get(link)
    service.clock.forward(seconds=60)
    later = service.browser.get(link)

    assert wrong == [401] * 10 + [429]
    assert (stopped.status_code, stopped.headers["retry-after"]) == (429, "60")
    assert later.status_code == 303


def test_one_network_cannot_make_installs_without_end(service):
    """What is refused says so to the client, records nothing, and ends within the hour."""
    address = "127.0.0.1"
    for _ in range(1000):
        service.host.enrolments.count(address, service.clock())

    refused = service.decide("yes")
    no = service.decide("no")
    service.clock.forward(seconds=3600)
    later = service.decide("yes")

    assert service.values(refused)["error"] == "temporarily_unavailable"
    assert service.values(no)["error"] == "access_denied"
    assert "code" in service.values(later)


def test_one_network_cannot_say_no_without_end(service):
    """It is believed, but makes no more writes, and no share of those who agree."""
    for _ in range(999):
        service.host.enrolments.count("127.0.0.1", service.clock())

    answers = [service.decide("no") for _ in range(3)]

    assert [service.values(answer)["error"] for answer in answers] == ["access_denied"] * 3
    with service.host.database.read() as connection:
        counted = connection.execute(select(consents.c.decision, consents.c.count)).all()
    assert counted == [("no", 1)]


@pytest.mark.service
def test_slow_and_broken_connections_do_not_stop_the_others(service, on_a_port):
    """Two hundred connections that send half a request each; one honest one is answered."""
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(on_a_port(lambda _: make_app(service.host)))
        place = ("127.0.0.1", urlsplit(address).port)
        for i in range(200):
            slow = stack.enter_context(socket.create_connection(place, 10))
            slow.sendall(
                [b"GET / HTT", b"\x00\xff\x16\x03\n\n", b"POST /auth/token HTTP/1.1\r\n"][i % 3]
            )
        honest = stack.enter_context(socket.create_connection(place, 10))
        honest.sendall(b"GET /device HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        said = honest.recv(12)

    assert said == b"HTTP/1.1 200"


def test_a_large_body_is_unpacked_and_judged_off_the_event_loop(service, instant, on_the_loop):
    """Everybody else would wait for it; the way there is worth it for large ones only."""
    tokens = service.enrol()
    rows = [[instant(service.clock()), f"{number:0100}"] for number in range(2000)]
    large = service.batch(tokens) | {"rows": rows, "last": 2000}

    with on_the_loop() as seen:
        assert service.upload(tokens, service.batch(tokens, "a")).json()["accepted"] == 1
    with on_the_loop() as seen_of_large:
        assert service.upload(tokens, large).json()["accepted"] == 2000

    work = {"inflate", "decode", "judge_rows"}
    assert work <= seen
    assert not work & seen_of_large
    assert "upload" in seen_of_large


def test_no_more_than_two_large_bodies_are_judged_at_once(service):
    """Forty of eight kilobytes each took three gigabytes until they were found to be no batches."""
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "a"))
    third, entered = threading.Barrier(3), []

    class Declared(dict):
        def __contains__(self, name):
            entered.append(name)
            with contextlib.suppress(threading.BrokenBarrierError):
                third.wait(0.5)  # goes on when three are here, and breaks for all when not
            return False

    ((token, (until, access, package, store)),) = service.host.bearers.items()
    package = dataclasses.replace(package, events=Declared())
    service.host.bearers[token] = until, access, package, store
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    bodies = [service.batch(tokens, "a", unknown="x" * 70_000) for _ in range(6)]
    answers = service.browser.together(
        *(("POST", "/api/usage-event", {"json": body, "headers": sent}) for body in bodies)
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len(entered) == 6
    assert third.broken


def test_a_large_body_of_a_0_3_client_is_judged_off_the_event_loop(service, instant, on_the_loop):
    """3.6 MB of it held the loop for half a second."""
    with service.host.database.write() as connection:
        package = _packages.take_legacy(connection, "demo", on=True)
        consent = _grants.Consent(package.id, "0" * 64, "1-0", service.clock(), "browser-0.3")
        install = _grants.enrol(connection, consent)
        pair = _grants.Family(connection, install, b"f" * 16, service.clock()).open("usage:legacy")
    rows = [[instant(service.clock() - n), "plot"] for n in range(5000)]
    body = {
        "installId": str(uuid.UUID(bytes=install)),
        "headers": ["install_id", "event_date", "event_type"],
        "rows": rows,
    }
    tokens = {"access_token": pair.access}

    with on_the_loop() as seen:
        answer = service.upload(tokens, json.dumps(body).encode(), Content_Encoding=None)

    assert answer.json()["accepted"] == 5000, answer.text
    assert not {"decode", "judge_rows", "uploads_of"} & seen
    assert "_keep_legacy" in seen


def test_pages_filters_and_files_are_made_off_the_event_loop(service, on_the_loop):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "a"))
    with service.host.database.write() as connection:
        _public.publish(connection, _packages.find(connection, "demo"), on=True)
    service.admin()
    asked = (
        "/", "/p/demo", "/p/demo/features?where=python%3D3.12", "/public/demo",
        "/p/demo/data/features.csv", "/public/demo/actives.csv",
    )  # fmt: skip

    for path in asked:
        with on_the_loop() as seen:
            assert service.browser.get(path).status_code == 200, path
        assert not {"fill", "read", "exhibit", "summarise", "as_svg", "as_csv"} & seen, path


def test_words_for_what_was_dropped_are_not_a_strangers_to_choose(service):
    """Whatever a client says, the health of a package has a handful of rows."""
    tokens = service.enrol()
    for n in range(20):
        said = {f"word {n} {m} {'x' * 500}": 1 for m in range(18)}
        body = service.batch(tokens, "a") | {"dropped": said | {"torn": 2, "age": 0}}
        assert service.upload(tokens, body).status_code == 200

    for fold in (False, True):
        if fold:
            _care.roll_up(service.host.database.path.parent, anew=False)
        health = summary(service).health
        assert {name: n for name, n in health.items() if name.startswith("dropped")} == {
            "dropped: other": 360, "dropped: torn": 40
        }  # fmt: skip
    held = service.browser.get(
        "/api/usage-self", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert "word" not in held.text


def test_no_number_of_a_client_stops_the_counting_of_others(service):
    """Sums beyond 64 bits could be neither stored nor asked for."""
    hostile, honest = service.enrol(), service.enrol()
    for n in range(1030):
        for last in (0, 2**53 - 1):
            body = service.batch(hostile, "a") | {
                "run": f"run-{n}", "first": last, "last": last,
                "dropped": {"torn": 10**30, "age": 2**63 - 1},
            }  # fmt: skip
            assert service.upload(hostile, body).status_code == 200
    service.upload(honest, service.batch(honest, "b"))
    before = summary(service)

    _care.roll_up(service.host.database.path.parent, anew=False)

    assert summary(service).events == before.events == 2061
    assert summary(service).health == before.health
    assert before.health["lost"] == 1030 * 10**9
    assert before.health["dropped: torn"] == 2060 * 10**9
    _care.roll_up(service.host.database.path.parent, anew=True)
    assert summary(service).health == before.health
    gone = service.browser("DELETE", "/api/usage-self", headers={
        "Authorization": f"Bearer {hostile['access_token']}"
    })  # fmt: skip
    assert gone.status_code == 200
    left = {name: n for name, n in summary(service).health.items() if n}
    assert (summary(service).events, left) == (1, {"uploads": 1})


def test_a_property_too_large_for_the_log_is_left_out(service, instant):
    service.add("demo", {"a": {"n": "int", "f": "float"}})
    tokens = service.enrol()
    at = instant(service.clock())
    numbers = (10**30, -(2**63) - 1, 2**63, 2**63 - 1)
    rows = [[at, "a", {"n": n, "f": n}] for n in numbers]
    body = service.batch(tokens) | {
        "headers": ["event_date", "event_type", "properties"], "rows": rows, "last": len(rows),
    }  # fmt: skip

    assert service.upload(tokens, body).json()["accepted"] == 4

    held = service.browser.get(
        "/api/usage-self", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    kept = [row[3] for row in json.loads(held.text.splitlines()[-1])["rows"]]
    assert kept == [None, None, None, {"n": 2**63 - 1, "f": 2**63 - 1}]


def test_bad_rows_without_number_take_no_room(service):
    """They come in a few hundred bytes; the receipt is the same at every repetition."""
    tokens = service.enrol()
    at = "2026-06-01T12:00:00Z"
    rows = [[at, "a"], [at], *[[] if n % 2 else [at, ""] for n in range(9_998)]]
    body = service.batch(tokens) | {"rows": rows, "last": len(rows)}

    first, again = (service.upload(tokens, body).json() for _ in range(2))

    assert (first["accepted"], first["rejected_count"], len(first["rejected"])) == (1, 9_999, 100)
    assert again["duplicate"] is True
    for said in (first, again):
        said.pop("next_upload_after"), said.pop("duplicate")
    assert again == first
    with service.host.database.read() as connection:
        kept = connection.execute(select(log)).one()
    assert len(kept.refused) + len(kept.body) < 6_000
    for anew in (False, True):
        assert summary(service).health["rejected"] == 9_999
        _care.roll_up(service.host.database.path.parent, anew=anew)
    assert summary(service).health["rejected"] == 9_999


def test_a_preview_of_the_admin_link_does_not_use_it_up(service):
    with service.host.database.write() as connection:
        link = new_link(connection, service.host.issuer, service.clock())

    preview = service.new_browser()("HEAD", link)

    assert (preview.status_code, "set-cookie" in preview.headers) == (401, False)
    assert service.browser.get(link).status_code == 303


@pytest.mark.parametrize("path", ["/user/my-data/?key=secret", "/p/demo/", "/admin/enter/?key=x"])
def test_a_slash_too_many_is_no_address_and_no_redirect(steady, path):
    """The redirect would name http behind a proxy, and send the key there in the clear."""
    answer = steady.browser.get(path)

    assert (answer.status_code, "location" in answer.headers) == (404, False)
