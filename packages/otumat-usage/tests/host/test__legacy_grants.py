"""Laws of a 0.3 client's grant: proven by its secret, renewed without rotation, ended for good."""

import base64
import types

import pytest

from otumat_usage.host import _grants, _legacy_grants, _packages
from otumat_usage.host._database import select, tokens
from otumat_usage.host._grants import Pair, Refusal
from otumat_usage.host._secrets import install_of, mint

DAY = 86_400_000


@pytest.fixture
def write(service):
    def write(function, *arguments):
        with service.host.database.write() as connection:
            return function(connection, *arguments)

    return write


@pytest.fixture
def enrol(service, write):
    """Make a grant of wire 1 for `demo`, which takes such clients."""

    def make(connection):
        package = _packages.take_legacy(connection, "demo", on=True)
        consent = _grants.Consent(package.id, "0" * 64, "1-0", service.clock(), "browser-0.3")
        return _legacy_grants.grant(connection, _grants.enrol(connection, consent), service.clock())

    return lambda: write(make)


@pytest.fixture
def refresh(service, write):
    return lambda client, token: write(_legacy_grants.refresh, client, token, service.clock())


def basic(text):
    value = base64.b64encode(text.encode()).decode() if isinstance(text, str) else text.decode()
    return types.SimpleNamespace(headers={"authorization": f"Basic {value}"})


def test_the_refresh_token_stays_however_many_uploaders_hold_it(service, enrol, refresh):
    given = enrol()
    for _ in range(3):
        service.clock.forward(days=1)
        one, other = (refresh(given.client, given.pair.refresh) for _ in range(2))
        assert one.refresh == other.refresh == given.pair.refresh
        assert one.access != other.access
    service.clock.forward(days=179)

    assert isinstance(refresh(given.client, given.pair.refresh), Pair)


def test_an_idle_grant_ends_after_180_days_and_any_after_400(service, enrol, refresh):
    idle, busy = enrol(), enrol()
    for _ in range(2):
        service.clock.forward(days=179)
        assert isinstance(refresh(busy.client, busy.pair.refresh), Pair)
    assert "expired" in refresh(idle.client, idle.pair.refresh).description

    service.clock.forward(days=43)

    assert "expired" in refresh(busy.client, busy.pair.refresh).description


def test_a_client_proves_itself_by_its_own_secret_only(enrol, refresh):
    mine, theirs = enrol(), enrol()
    shaped = mint("cs", install_of(mine.client.secret, "cs"))
    guessed = _legacy_grants.Client(mine.client.id, shaped)

    assert refresh(guessed, mine.pair.refresh).error == "invalid_client"
    assert refresh(mine.client, theirs.pair.refresh).error == "invalid_grant"
    assert refresh(mine.client, mine.client.secret).error == "invalid_grant"
    assert refresh(mine.client, mine.pair.access).error == "invalid_grant"
    assert isinstance(refresh(mine.client, mine.pair.refresh), Pair)


def test_a_revoked_grant_gives_nothing_more(service, write, enrol, refresh):
    given = enrol()
    write(_grants.revoke, given.pair.refresh, service.clock())

    assert refresh(given.client, given.pair.refresh) == Refusal(
        "invalid_grant", "the grant was revoked"
    )


def test_the_store_holds_no_secret_that_can_be_presented(service, enrol):
    given = enrol()
    with service.host.database.read() as connection:
        held = str(connection.execute(select(tokens)).all())

    for secret in (given.client.secret, given.pair.refresh, given.pair.access):
        assert secret not in held
        assert secret[7:40] not in held


def test_only_our_own_clients_are_read_from_the_header(enrol):
    mine, theirs = enrol().client, enrol().client
    name, secret = mine.id, mine.secret

    assert _legacy_grants.client_of(basic(f"{name}:{secret}")) == mine
    for wrong in (
        f"{theirs.id}:{secret}", f"{name}:x", f"{name}:", name, "", ":", b"!!!", b"/w==",
        f"{name.upper()}:{secret}", f"{name}:{secret}x",
    ):  # fmt: skip
        assert _legacy_grants.client_of(basic(wrong)) is None
    assert _legacy_grants.client_of(types.SimpleNamespace(headers={})) is None
    foreign = types.SimpleNamespace(headers={"authorization": "Basic \xe9"})
    assert _legacy_grants.client_of(foreign) is None
    bearer = types.SimpleNamespace(headers={"authorization": f"Bearer {secret}"})
    assert _legacy_grants.client_of(bearer) is None
