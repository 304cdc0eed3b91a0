"""Laws of the maintainer's API: a good token and nothing else; the numbers of the pages."""

import csv
import io
import json

import pytest

from otumat_usage.host import _api_tokens, _catalogue


@pytest.fixture(name="make")
def _make(service):
    """Make a token at the host."""

    def make(name="ci", **changes):
        with service.host.database.write() as connection:
            return _api_tokens.add(connection, name, service.clock(), **changes)

    return make


@pytest.fixture(name="ask")
def _ask(service, make):
    """Ask with a token of scope `read`, or with another one."""
    own = make("own")

    def ask(path, token=own, **headers):
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return service.browser.get(f"/api/stats{path}", headers=sent | named)

    return ask


@pytest.fixture(name="used")
def _used(service):
    """Two users of demo; one of them on Windows too."""
    for system in ("Linux", "Windows"):
        tokens = service.enrol()
        body = service.batch(tokens, "plot", "fit")
        body["context"]["os"] = system
        assert service.upload(tokens, body).status_code == 200
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "=cmd()"))


def test_the_index_lists_packages_and_answers(service, ask, make):
    service.add("Other_One")

    found = ask("").json()
    bound = ask("", make(packages=["other.one"])).json()

    assert [each["name"] for each in found["packages"]] == ["demo", "other-one"]
    assert ask(found["packages"][0]["url"].partition("/api/stats")[2]).status_code == 200
    assert found["answers"] == list(_catalogue.EXHIBITS)
    assert [each["name"] for each in bound["packages"]] == ["other-one"]


@pytest.mark.usefixtures("used")
def test_every_answer_has_the_numbers_of_its_page_in_either_format(service, ask):
    service.admin()
    for name in _catalogue.EXHIBITS:
        query = "?days=28&where=os+%3D+Linux&order=name"
        found = ask(f"/demo/{name}{query}").json()
        page = service.browser.get(f"/p/demo/data/{name}.json{query}").json()
        table = ask(f"/demo/{name}{query}&format=csv")

        assert (found["name"], found["title"], found["rows"]) == tuple(page.values())
        assert table.text == service.browser.get(f"/p/demo/data/{name}.csv{query}").text
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert next(csv.reader(io.StringIO(table.text))) == found["heads"]
        assert (found["first_day"], found["last_day"]) == ("2026-05-05", "2026-06-01")


@pytest.mark.usefixtures("used")
def test_a_span_of_days_and_a_filter_are_asked_for_as_on_the_pages(ask):
    whole = ask("/demo/os?from=2026-06-01&to=2026-06-01").json()
    before = ask("/demo/os?to=2026-05-31&days=7").json()
    some = ask("/demo/os?where=not+os+%3D+Windows").json()

    assert {row["Operating system"]: row["Users"] for row in whole["rows"]} == {
        "Linux": 2,
        "Windows": 1,
    }
    assert (before["rows"], before["first_day"]) == ([], "2026-05-25")
    assert before["empty"]
    assert (some["where"], [row["Users"] for row in some["rows"]]) == ("not os = Windows", [2])


@pytest.mark.usefixtures("used")
def test_a_package_by_itself_is_the_summary_of_the_report(service, ask):
    from otumat_usage.host import _packages, _report, _statistics

    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        wanted = _report.as_json(_statistics.summarise(connection, package, service.clock()))

    assert ask("/Demo").text == wanted
    assert json.loads(wanted)["installs"] == 3


@pytest.mark.usefixtures("used")
def test_no_cell_starts_a_formula(ask):
    assert "'=cmd()" in ask("/demo/features?format=csv").text


@pytest.mark.usefixtures("used")
def test_what_has_not_changed_is_not_sent_again(service, ask):
    for path in ("", "/demo", "/demo/features", "/demo/features?format=csv"):
        first = ask(path)
        tag = first.headers["etag"]
        again = ask(path, If_None_Match=f'"x", W/{tag}')
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert first.headers["cache-control"] == "private, no-cache"
        assert ask(path, If_None_Match='"x"').status_code == 200

    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))

    assert ask("/demo/features", If_None_Match=ask("/demo/os").headers["etag"]).status_code == 200
    assert ask("/demo/features").headers["etag"] != tag


@pytest.mark.parametrize(
    ("query", "said", "where"),
    [
        ("where=pyhton+%3D+3", "one of feature, version, python", ("where", 0)),
        ("where=os+%3D+Linux+and", "'the end' where one of", ("where", 14)),
        ("where=" + "(" * 900, "nested deeper", ("where", 21)),
        ("wehre=os", "no parameter 'wehre'", ("wehre", None)),
        ("format=xml", "json, csv", ("format", None)),
        ("days=0", "1 to 800", (None, None)),
        ("days=1e3", "1 to 800", (None, None)),
        ("days=7&days=8", "twice", (None, None)),
        ("from=2026-13-01", "is no day", (None, None)),
        ("from=2026-05-01&days=7", "leave one out", ("days", None)),
        ("to=2999-01-01", "has not come yet", (None, None)),
        ("order=evil", "users, events, name", (None, None)),
        ("where=%ff", "cannot be read", (None, None)),
    ],
)
def test_what_cannot_be_asked_is_422_and_says_where(ask, query, said, where):
    answer = ask(f"/demo/os?{query}")
    found = answer.json()

    assert (answer.status_code, found["type"]) == (422, "urn:otumat:question")
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in found["detail"]
    assert (found.get("parameter"), found.get("position")) == where


@pytest.mark.parametrize("path", ["/nothing", "/nothing/os", "/demo/nothing", "/demo/os/more"])
def test_what_there_is_not_is_404(ask, path):
    answer = ask(path)

    assert answer.status_code == 404
    assert answer.json()["type"].startswith("urn:otumat:")
