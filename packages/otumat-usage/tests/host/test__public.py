"""What strangers get: nothing before it is published, and then only what the gate lets through."""

import re
import xml.etree.ElementTree as ET

import pytest

from otumat_usage.host import _gate, _packages, _public
from otumat_usage.host._survey import Question

FILES = [f"/public/demo/{name}.{kind}" for name in _gate.PUBLIC for kind in ("csv", "json", "svg")]
BADGES = ["/badge/demo/users.svg", "/badge/demo/weekly-users.json"]


def publish(service, *, on=True):
    with service.host.database.write() as connection:
        _public.publish(connection, _packages.find(connection, "demo"), on=on)


def use(service, people, name="plot"):
    for _ in range(people):
        tokens = service.enrol()
        service.upload(tokens, service.batch(tokens, name))


@pytest.mark.parametrize("path", ["/public/demo", *FILES, *BADGES])
def test_what_is_not_published_answers_as_what_does_not_exist(steady, path):
    unknown = steady.browser.get(path.replace("demo", "nobody"))

    answer = steady.browser.get(path)

    assert answer.status_code == unknown.status_code == 404
    assert answer.text == unknown.text


@pytest.mark.service
def test_published_numbers_are_rounded_and_small_ones_absent(service):
    use(service, 23, "plot")
    use(service, 11, "fit")
    use(service, 3, "secret")
    use(service, 2, "rare")
    publish(service)

    page = service.browser.get("/public/demo")
    texts = [page.text, *(service.browser.get(path).text for path in FILES)]

    assert page.status_code == 200
    assert service.browser.get("/public/demo/features.json").json()["rows"] == [
        {"Feature": "plot", "Users, at least": 20},
        {"Feature": "fit", "Users, at least": 10},
    ]
    for text in texts:
        assert "secret" not in text
        assert "rare" not in text
        assert not re.search(r"\b(23|11|39|34)\b", re.sub(r'="[^"]*"|\d{4}-\d\d-\d\d', "", text))


def test_a_page_is_closed_again(service):
    use(service, 1)
    publish(service)
    assert service.browser.get("/public/demo").status_code == 200

    publish(service, on=False)

    assert service.browser.get("/public/demo").status_code == 404
    assert service.browser.get("/badge/demo/users.svg").status_code == 404


@pytest.mark.parametrize(
    ("people", "said"), [(0, "fewer than 10"), (9, "fewer than 10"), (12, "10+")]
)
def test_a_badge_says_at_least_how_many(service, people, said):
    use(service, people)
    publish(service)

    drawn = service.browser.get("/badge/demo/users.svg")
    shields = service.browser.get("/badge/demo/users.json").json()

    root = ET.fromstring(drawn.text)
    assert root.get("aria-label") == f"users per month: {said}"
    assert drawn.headers["content-type"] == "image/svg+xml"
    # https://shields.io/badges/endpoint-badge
    assert (shields["schemaVersion"], shields["label"], shields["message"]) == (
        1,
        "users per month",
        said,
    )


def test_a_badge_that_nobody_keeps_is_worked_out(service):
    use(service, 12)
    publish(service)
    assert service.browser.get("/badge/demo/users.json").json()["message"] == "10+"

    use(service, 10)

    assert service.browser.get("/badge/demo/users.json").json()["message"] == "20+"


@pytest.mark.parametrize("name", ["%00", "%F0%9F%90%8D", "x" * 300, "'"])
def test_what_is_no_name_of_a_package_is_not_published(service, name):
    assert service.browser.get(f"/badge/{name}/users.svg").status_code == 404


def test_the_privacy_page_tells_the_schema_in_force(service):
    service.add("demo", events={"fit": {"model": "str"}, "<b>": {}})

    page = service.browser.get("/p/demo/privacy")

    assert page.status_code == 200
    assert "model (str)" in page.text
    assert "&lt;b&gt;" in page.text
    assert "Nothing of it is published" in page.text
    assert "Single uploads for 400 days" in page.text
    publish(service)
    assert "/public/demo" in service.browser.get("/p/demo/privacy").text


def test_the_privacy_page_tells_that_answers_to_a_survey_are_stored(service):
    assert "what you answered" not in service.browser.get("/p/demo/privacy").text
    asked = [Question("field", "Which <field>?", ("research", "industry"))]
    with service.host.database.write() as connection:
        _packages.survey(connection, "demo", asked)

    page = service.browser.get("/p/demo/privacy").text

    assert "what you answered" in page
    assert "Which &lt;field&gt;? (research, industry)" in page
