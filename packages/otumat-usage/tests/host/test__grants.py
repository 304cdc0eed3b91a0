"""The law of rotation, for every order of refreshes, uses, losses, thefts and revocations."""

import contextlib
import dataclasses
import hashlib
import pathlib
import tempfile

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from otumat_usage.host import _grants, _packages
from otumat_usage.host._authorize import AuthorizationRequest
from otumat_usage.host._database import Database, families, select, tokens

DAY = 86_400_000
START = 1_780_315_200_000
VERIFIER = "v" * 43
WANTED = AuthorizationRequest("p", "http://127.0.0.1:1/x", "", "", "usage:write usage:self", ())


def s256(verifier):
    import base64

    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def database():
    with tempfile.TemporaryDirectory() as folder:
        found = Database.create(pathlib.Path(folder))
        yield found
        found.close()


@dataclasses.dataclass(frozen=True)
class Held:
    """A token as somebody holds it: which, of what generation, until when."""

    text: str
    generation: int
    expires: int


class Rotation(RuleBasedStateMachine):
    """Compare the grants with a model of a few lines: one family, its use, its state."""

    database = None
    refreshes = Bundle("refreshes")
    accesses = Bundle("accesses")

    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()
        # Everything happens in one transaction that is never committed.
        self.connection = self.stack.enter_context(self.database._engine.connect())
        self.now = START
        self.seen = 0
        self.over = False
        self.successors = {}

    def teardown(self):
        self.stack.close()

    @initialize(target=refreshes)
    def enrol(self):
        connection = self.connection
        package = _packages.add(connection, "p", self.now)
        consent = _grants.Consent(package.id, "0" * 64, "1-0", self.now, "browser")
        self.install = _grants.enrol(connection, consent)
        wanted = dataclasses.replace(WANTED, challenge=s256(VERIFIER))
        code = _grants.issue_code(connection, self.install, wanted, self.now)
        uri = wanted.redirect_uri
        pair = _grants.redeem_code(
            connection, code, redirect_uri=uri, verifier=VERIFIER, now=self.now
        )
        assert isinstance(pair, _grants.Pair)
        self.successors[-1] = pair.refresh
        self.first = Held(pair.access, 0, self.now + 3_600_000)
        return Held(pair.refresh, 0, self.now + 180 * DAY)

    @rule(target=accesses)
    def first_access(self):
        return self.first

    @rule(target=refreshes, held=refreshes)
    def refresh(self, held):
        """Anyone who holds a refresh token presents it; the answer may be lost."""
        result = _grants.refresh(self.connection, held.text, None, self.now)
        if self.over or held.expires <= self.now:
            assert isinstance(result, _grants.Refusal)
            self.over |= held.generation < self.seen
            return multiple()
        if held.generation < self.seen:
            assert isinstance(result, _grants.Refusal)
            self.over = True
            return multiple()
        assert isinstance(result, _grants.Pair)
        self.seen = max(self.seen, held.generation)
        known = self.successors.setdefault(held.generation, result.refresh)
        assert result.refresh == known
        self.answer = Held(result.access, held.generation + 1, self.now + 3_600_000)
        return Held(result.refresh, held.generation + 1, self.expiry(held.generation + 1))

    @rule(target=accesses)
    def keep_access(self):
        return getattr(self, "answer", self.first)

    @rule(held=accesses)
    def use(self, held):
        result = _grants.authenticate(self.connection, held.text, self.now)
        alive = not self.over and held.expires > self.now
        assert isinstance(result, _grants.Access) is alive
        if alive:
            self.seen = max(self.seen, held.generation)

    @rule(held=accesses)
    def look(self, held):
        result = _grants.authenticate(self.connection, held.text, self.now, note=False)
        assert isinstance(result, _grants.Access) is (not self.over and held.expires > self.now)

    @rule(held=refreshes | accesses, odds=strategies.integers(0, 9))
    def revoke(self, held, odds):
        if odds == 0:
            _grants.revoke(self.connection, held.text, self.now)
            self.over = True

    @rule(hours=strategies.sampled_from([0, 0.5, 1, 24, 24 * 100]))
    def wait(self, hours):
        self.now += int(hours * 3_600_000)

    def expiry(self, generation):
        """Return when the one token of a generation ends: set at its first issue."""
        self.ends = getattr(self, "ends", {})
        whole = START + 400 * DAY
        return self.ends.setdefault(generation, min(self.now + 180 * DAY, whole))

    @invariant()
    def every_generation_has_one_token(self):
        if not hasattr(self, "install"):
            return
        ours = (tokens.c.install == self.install) & (tokens.c.kind == "refresh")
        rows = self.connection.execute(select(tokens).where(ours)).all()
        assert sorted(row.generation for row in rows) == list(range(len(rows)))
        # Nothing that could mint a successor is kept for a token that is retired.
        assert all(row.nonce is None for row in rows if row.generation < self.seen)

    @invariant()
    def the_family_is_as_the_model_says(self):
        if hasattr(self, "install"):
            key = families.c.install == self.install
            row = self.connection.execute(select(families).where(key)).one()
            assert (row.state != "active", row.seen) == (self.over, self.seen)


def test_rotation_is_as_specified_in_every_order(database):
    from hypothesis.stateful import run_state_machine_as_test

    Rotation.database = database
    run_state_machine_as_test(
        Rotation,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_stolen_file_holds_nothing_that_can_be_presented(service):
    """Tokens appear in the database as hashes only, and nonces mint nothing alone."""
    tokens_ = service.enrol()
    fresh = service.refresh(tokens_["refresh_token"]).json()
    service.host.writer.submit(lambda c: c.execute(select(tokens)).all()).result()

    data = b"".join(
        path.read_bytes() for path in service.host.database.path.parent.iterdir() if path.is_file()
    )

    for answer in (tokens_, fresh):
        for name in ("access_token", "refresh_token"):
            secret = answer[name]
            assert secret.encode() not in data
            assert secret[7:71].encode() not in data
            assert hashlib.sha256(secret.encode()).digest() in data


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_stolen_file_opens_no_door(service):
    """No link, code, session or personal token is in it; the one key that is can be changed."""
    from otumat_usage.host import _api_tokens
    from otumat_usage.host._admin import new_link
    from otumat_usage.host._host import form_key

    browser, owner = service.browser, service.enrol()
    device = browser.post("/auth/device", data={"client_id": "otumat-usage", "package": "demo"})
    bearer = {"Authorization": f"Bearer {owner['access_token']}"}
    own_page = browser.post("/api/usage-self/link", headers=bearer).json()["url"]
    with service.host.database.write() as connection:
        unused = new_link(connection, "", service.clock())
        personal = _api_tokens.add(connection, "ci", service.clock(), scope="admin")
    session = service.admin().cookies
    secrets = [service.code(), device.json()["device_code"], personal, *session.values()]
    secrets += [link.partition("key=")[2] for link in (unused, own_page)]

    data = b"".join(
        path.read_bytes() for path in service.host.database.path.parent.iterdir() if path.is_file()
    )

    assert len(secrets) == 6
    for secret in secrets:
        assert len(secret) >= 43
        assert secret.encode() not in data
        assert hashlib.sha256(secret.encode()).digest() in data
    with service.host.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM setting WHERE name = 'form_key'")
        assert form_key(connection) != service.host.form_key
