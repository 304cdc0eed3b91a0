"""Every answer equals a plain count over what was sent."""

import json
import random
import uuid
from collections import Counter, defaultdict

import pytest

from otumat_usage.host import _grants, _log, _packages, _report, _statistics, _wire
from otumat_usage.host._answers import Answers, Is

DAY = 86_400_000


@pytest.fixture
def sent(service):
    """Fill the log at random; return the package and every event as a plain tuple."""

    def fill(seed):
        rng = random.Random(seed)
        now = service.clock()
        names = [f"feature {n}" for n in range(8)]
        declared = {name: {} for name in [*names, "never a", "never b"]}
        package = service.add("demo", events=declared)
        events, contexts, lost = [], {}, 0
        with service.host.database.write() as connection:
            for _ in range(rng.randrange(1, 25)):
                consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
                install = _grants.enrol(connection, consent)
                family = _grants.Family(connection, install, uuid.uuid4().bytes, now)
                family.open("usage:write")
                seq = 1
                for _ in range(rng.randrange(1, 12)):
                    if rng.random() < 0.2:
                        gap = rng.randrange(1, 5)
                        lost += gap if seq > 1 else 0
                        seq += gap
                    version = rng.choice(["1.0", "2.0", None])
                    at = now - rng.randrange(0, 60 * DAY)
                    rows = [
                        _wire.Event(
                            i,
                            seq + i,
                            at - i * 1000,
                            rng.choice(names[:6]),
                            rng.randrange(1, 4),
                            None,
                        )
                        for i in range(rng.randrange(1, 6))
                    ]
                    context = _wire.Context(version, "3.12", rng.choice(["Linux", "macOS"]))
                    batch = _wire.Batch(
                        str(uuid.UUID(bytes=install)),
                        uuid.uuid4().hex,
                        "2026-06-01T12:00:00Z",
                        "run",
                        seq,
                        seq + len(rows) - 1,
                        [],
                        [],
                        context,
                    )
                    _log.append(
                        connection,
                        install=install,
                        package=package.id,
                        upload=_log.Upload(batch, rows, [], uuid.uuid4().bytes * 2, at),
                    )
                    seq += len(rows)
                    latest = max(row.at for row in rows)
                    if latest >= contexts.get(install, (0,))[0]:
                        contexts[install] = (latest, context)
                    events += [(install, row.at // DAY, row.name, row.count) for row in rows]
        return package, events, contexts, lost

    return fill


@pytest.mark.parametrize("seed", range(6))
def test_the_summary_equals_a_plain_count(service, sent, seed):
    package, events, contexts, lost = sent(seed)
    today = service.clock() // DAY

    with service.host.database.read() as connection:
        found = _statistics.summarise(connection, package, service.clock())

    month = [e for e in events if today - 28 < e[1] <= today]
    users = defaultdict(set)
    for install, _, name, _ in month:
        users[name].add(install)
    active = {
        span: len({e[0] for e in events if today - span < e[1] <= today}) for span in (1, 7, 28)
    }
    user_days = {(install, day) for install, day, _, _ in month}
    per_user = Counter(Counter(install for install, _ in user_days).values())
    assert found.active == active
    assert found.events == sum(count for *_, count in events)
    assert found.installs == len(contexts)
    assert found.health["lost"] == lost
    assert found.active_days == [per_user[n] for n in range(1, 29)]
    if user_days:
        assert found.per_active_day == pytest.approx(sum(e[3] for e in month) / len(user_days))
    assert {f.name: (f.users, f.events) for f in found.features if f.users} == {
        name: (len(who), sum(e[3] for e in month if e[2] == name)) for name, who in users.items()
    }
    assert found.days == [
        (day, len({e[0] for e in events if e[1] == day}), sum(e[3] for e in events if e[1] == day))
        for day in range(today - 89, today + 1)
    ]
    ever = {e[2] for e in events}
    assert found.never_used == sorted(set(package.events) - ever)
    recent = {install for install, *_ in month}
    versions = Counter(contexts[i][1].package_version or "unknown" for i in recent)
    assert dict(found.dimensions["package_version"]) == versions


def test_features_come_most_used_first_and_unused_ones_last(service, sent):
    package, *_ = sent(1)

    with service.host.database.read() as connection:
        found = _statistics.summarise(connection, package, service.clock())

    keys = [(-f.users, -f.events, f.name) for f in found.features]
    assert keys == sorted(keys)
    assert {"never a", "never b"} <= set(found.never_used)


def test_an_empty_package_has_an_answer_too(service):
    package = service.add("demo")

    with service.host.database.read() as connection:
        found = _statistics.summarise(connection, package, service.clock())

    assert (found.installs, found.events, found.per_active_day) == (0, 0, None)
    assert "nothing has arrived yet" in _report.as_text(found)
    service.admin()
    page = service.browser.get("/p/demo").text
    assert "Nothing has arrived yet" in page
    assert "UsageAgent(" in page


def test_the_report_and_the_page_say_the_same(service, sent):
    package, *_ = sent(3)
    service.admin()

    with service.host.database.read() as connection:
        found = _statistics.summarise(connection, package, service.clock())
    text, data = _report.as_text(found), json.loads(_report.as_json(found))
    page = service.browser.get("/p/demo/features?days=28").text
    unused = service.browser.get("/p/demo/unused").text

    assert data["active"] == {str(k): v for k, v in found.active.items()}
    assert data["days"][-1]["day"] == "2026-06-01"
    for feature in found.features:
        assert feature.name in text
        assert f">{feature.name}</a></th><td>{feature.users}</td>" in page
    for name in found.never_used:
        assert f"  {name}" in text
        assert f"<li>{name}</li>" in unused


def test_a_revoked_install_is_no_longer_counted_as_one(service):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    form = {"client_id": "otumat-usage", "token": tokens["refresh_token"]}
    service.browser.post("/auth/revoke", data=form)

    with service.host.database.read() as connection:
        found = _statistics.summarise(
            connection, _packages.find(connection, "demo"), service.clock()
        )

    assert (found.installs, found.events) == (0, 1)


def test_a_feature_may_be_called_unknown(service):
    for name in ("unknown", "plot", "plot"):
        tokens = service.enrol()
        service.upload(tokens, service.batch(tokens, name))

    with service.host.database.read() as connection:
        answers = Answers(connection, _packages.find(connection, "demo"), service.clock())
        where = Is("feature", "unknown")
        found = answers.total(answers.today, answers.today, where=where)
    assert (found.users, found.events) == (1, 1)
