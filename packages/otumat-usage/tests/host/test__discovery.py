"""Laws of discovery: RFC 8414, 2 and 3.3; RFC 9207, 3; our own limits, with an ETag."""

from otumat_usage.host import _wire


def test_the_metadata_names_what_is_served(service):
    found = service.browser.get("/.well-known/oauth-authorization-server")

    data = found.json()
    assert found.headers["content-type"] == "application/json"
    assert data["issuer"] == "http://127.0.0.1:8080"
    assert data["code_challenge_methods_supported"] == ["S256"]
    assert data["token_endpoint_auth_methods_supported"] == ["none"]
    assert data["authorization_response_iss_parameter_supported"] is True
    for name, address in data.items():
        if name.endswith("_endpoint"):
            method = "GET" if name == "authorization_endpoint" else "POST"
            answer = service.browser(method, address.removeprefix(data["issuer"]))
            assert answer.status_code not in (404, 405), name


def test_no_member_is_empty(service):
    data = service.browser.get("/.well-known/oauth-authorization-server").json()

    assert all(value not in ([], "", None) for value in data.values())


def test_a_package_says_what_it_takes(service):
    service.add("strict", events={"plot": {"kind": "str"}})

    open_ = service.browser.get("/.well-known/otumat-usage?package=Demo").json()
    strict = service.browser.get("/.well-known/otumat-usage?package=strict").json()

    assert open_["schema"] is None
    assert strict["schema"] == {"types": ["plot"], "props": {"plot": {"kind": "str"}}}
    assert open_["limits"] == {**_wire.LIMITS, "encodings": ["gzip", "identity"]}
    assert open_["consent"]["sha256"] != strict["consent"]["sha256"]


def test_an_unchanged_answer_is_not_sent_again(service):
    first = service.browser.get("/.well-known/otumat-usage?package=demo")
    tag = {"If-None-Match": first.headers["etag"]}

    same = service.browser.get("/.well-known/otumat-usage?package=demo", headers=tag)
    service.add("demo", events={"plot": {}})
    changed = service.browser.get("/.well-known/otumat-usage?package=demo", headers=tag)

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200


def test_an_unknown_package_is_404(service):
    for name in ("other", "", "../x"):
        answer = service.browser.get("/.well-known/otumat-usage", params={"package": name})
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:otumat:package"


def test_the_consent_text_s_hash_is_that_of_the_page(service):
    said = service.browser.get("/.well-known/otumat-usage?package=demo").json()["consent"]

    page = service.browser.get(service.authorization()).text

    assert f'name="consent" value="{said["sha256"]}"' in page
    assert said["version"] in page
