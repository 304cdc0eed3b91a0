"""Laws of the OpenAPI document: it says what is served, and an outside tool agrees."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

from otumat_usage.host import _routes
from otumat_usage.host._database import Database
from otumat_usage.host._openapi import document


@pytest.fixture
def found(service):
    answer = service.browser.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_document_names_every_operation_that_is_served(found):
    named = {
        (method.upper(), path) for path, methods in found["paths"].items() for method in methods
    }

    assert named == {(each.method, each.path) for each in _routes.OPERATIONS}
    assert found["openapi"].startswith("3.1")
    assert found["servers"] == [{"url": "http://127.0.0.1:8080"}]


def test_every_protocol_route_of_the_application_is_described(service, found):
    app = service.app
    while not hasattr(app, "routes"):
        app = app._app
    protocol = ("/api/", "/auth/", "/.well-known/", "/user/usage", "/device")
    served = {route.path for route in app.routes if route.path.startswith(protocol)}
    assert len(served) >= 12

    assert served <= set(found["paths"])


def test_every_reference_leads_somewhere(found):
    text = json.dumps(found)
    references = {part.partition('"')[0] for part in text.split('"$ref": "#/')[1:]}

    assert len(references) > 10
    for reference in references:
        node = found
        for step in reference.split("/"):
            node = node[step]


def test_a_wrong_form_is_refused_for_each_field_the_document_requires(service, found):
    schema = found["components"]["schemas"]["CodeForm"]
    form = {
        "grant_type": "authorization_code",
        "client_id": "otumat-usage",
        "code": "x",
        "redirect_uri": "http://127.0.0.1:49152/done",
        "code_verifier": "x" * 43,
    }
    assert sorted(schema["required"]) == sorted(form)

    for name in form:
        left = {key: value for key, value in form.items() if key != name}
        answer = service.browser.post("/auth/token", data=left)
        assert answer.json()["error"] == "invalid_request", name


def test_it_is_made_for_the_address_it_is_served_at():
    made = document(_routes.OPERATIONS, "https://usage.example.org")

    assert made["servers"] == [{"url": "https://usage.example.org"}]


def test_a_wrong_method_is_told_every_right_one(service):
    for path in ("/user/usage-install", "/device", "/api/usage-self"):
        methods = {each.method for each in _routes.OPERATIONS if each.path == path}
        answer = service.browser("PUT", path)
        assert answer.status_code == 405
        assert methods <= {name.strip() for name in answer.headers["allow"].split(",")}


@pytest.mark.interop
@pytest.mark.timeout(300)
def test_schemathesis_finds_no_answer_that_the_document_does_not_name(tmp_path):
    """Property-based requests from the document, against a host in a process of its own."""
    tool = shutil.which("schemathesis", path=pathlib.Path(sys.executable).parent)
    assert tool, "schemathesis is missing: install it into the environment of this Python"
    folder = tmp_path / "host"
    host = [sys.executable, "-m", "otumat_usage.host"]
    subprocess.run([*host, "add-package", "demo", "-d", folder], check=True, stdout=-3)
    ready = tmp_path / "ready"
    serve = [*host, "serve", "-d", folder, "--port", "0", "--ready-file", ready]
    process = subprocess.Popen(serve, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        url = json.loads(ready.read_text())["url"]
        token = access_token(folder)
        add = [*host, "token", "add", "oracle", "-d", folder, "--scope", "admin"]
        personal = subprocess.check_output(add, text=True, stderr=-3).strip()
        (tmp_path / "schemathesis.toml").write_text(
            "[auth.openapi.installation]\n"
            f'bearer = "{token}"\n'
            "[auth.openapi.maintainer]\n"
            f'bearer = "{personal}"\n'
            "[checks]\n"
            "positive_data_acceptance.enabled = false\n"  # a good shape is no good code
            "ignored_auth.enabled = true\n"
        )
        said = subprocess.run(
            [tool, "run", f"{url}/openapi.json", "--max-examples", "5", "--workers", "1",
             "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color",
             "--exclude-operation-id", "eraseSelf", "--suppress-health-check", "all"],
            cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait(30)

    assert said.returncode == 0, said.stdout[-6000:] + said.stderr[-2000:]


def access_token(folder):
    """Return a fresh access token of an install of the package `demo`."""
    from otumat_usage.host import _grants, _packages

    now = time.time_ns() // 1_000_000
    database = Database.open(folder)
    with database.write() as connection:
        package = _packages.find(connection, "demo")
        consent = _grants.Consent(package.id, "0" * 64, "1-0", now, "browser")
        install = _grants.enrol(connection, consent)
        family = _grants.Family(connection, install, os.urandom(16), now)
        pair = family.open("usage:write usage:self")
    database.close()
    return pair.access
