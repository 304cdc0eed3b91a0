"""The user's rights: see all of it, erase all of it, be told it is gone."""

import json
import uuid

import pytest

from otumat_usage.host import _packages, _statistics
from otumat_usage.host._database import metadata, select


def ask(service, method, tokens):
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return service.browser(method, "/api/usage-self", headers=headers)


def summary(service):
    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        return _statistics.summarise(connection, package, service.clock())


def test_a_user_sees_everything_that_is_held(service):
    tokens = service.enrol()
    body = service.batch(tokens, "plot", "fit", "")
    service.upload(tokens, body | {"dropped": {"overflow": 2}})
    other = service.enrol()
    service.upload(other, service.batch(other, "plot"))

    answer = ask(service, "GET", tokens)

    install, grant, upload = [json.loads(line) for line in answer.text.splitlines()]
    assert (install["install_id"], install["package"]) == (tokens["install_id"], "demo")
    assert install["consent"]["how"] == "browser"
    assert grant["scope"] == "usage:write usage:self"
    assert upload["rows"] == [[*row, 1, None] for row in body["rows"][:2]]
    assert upload["context"] == body["context"]
    assert upload["rejected"] == [{"row": 2, "reason": "event_type"}]
    assert upload["dropped"] == {"overflow": 2}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_erasure_reaches_every_table_and_the_file(service):
    tokens, other = service.enrol(), service.enrol()
    for _ in range(3):
        service.upload(tokens, service.batch(tokens, "plot", "fit"))
        service.upload(other, service.batch(other, "plot"))
    service.refresh(tokens["refresh_token"])

    answer = ask(service, "DELETE", tokens)

    install = uuid.UUID(tokens["install_id"]).bytes
    assert answer.json() == {
        "erased": True,
        "install_id": tokens["install_id"],
        "uploads": 3,
        "events": 6,
    }
    with service.host.database.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert install not in tuple(row), table.name
    folder = service.host.database.path.parent
    for path in folder.iterdir():
        assert install not in path.read_bytes(), path.name
    assert (summary(service).events, summary(service).installs) == (3, 1)


def test_erased_installs_are_gone_for_good(service):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    ask(service, "DELETE", tokens)

    again = service.upload(tokens, service.batch(tokens, "plot"))

    assert (again.status_code, again.json()["stop"]) == (410, True)
    assert ask(service, "GET", tokens).status_code == 410
    assert ask(service, "DELETE", tokens).status_code == 410
    refresh = service.refresh(tokens["refresh_token"])
    assert refresh.json()["error"] == "invalid_grant"


def test_an_upload_that_races_an_erasure_leaves_nothing(service):
    tokens = service.enrol()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    uploads = [
        ("POST", "/api/usage-event", {"json": service.batch(tokens, "plot"), "headers": headers})
        for _ in range(20)
    ]
    erasure = ("DELETE", "/api/usage-self", {"headers": headers})

    answers = service.browser.together(*uploads[:10], erasure, *uploads[10:])

    assert {answer.status_code for answer in answers} <= {200, 410}
    assert (summary(service).events, summary(service).installs) == (0, 0)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_both_need_a_token_of_the_scope(service, method):
    narrow = service.redeem(service.code(scope="usage:write")).json()

    answer = ask(service, method, narrow)

    assert answer.status_code == 403
    assert 'scope="usage:self"' in answer.headers["www-authenticate"]
    assert ask(service, method, {"access_token": "x"}).status_code == 401
    assert service.browser(method, "/api/usage-self").status_code == 401
    assert summary(service).installs == 1
