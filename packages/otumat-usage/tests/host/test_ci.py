"""Laws of CI and containers: told by clients, counted apart, left out until they are asked for."""

import html
import re

import pytest
from click.testing import CliRunner

from otumat_usage.host import _badges, _letters, _packages
from otumat_usage.host._answers import Answers, Is
from otumat_usage.host._days import DAY
from otumat_usage.host._report import as_text
from otumat_usage.host._statistics import Feature, summarise
from otumat_usage.host._worker import fold_all
from otumat_usage.host.cli import host_group, report_command

#: What each of six users says, and how many events they send.
TOLD = [
    ({"ci": True, "container": True}, 7),
    ({"ci": True}, 5),
    ({"ci": False, "container": True}, 3),
    ({"ci": False, "container": False}, 2),
    ({}, 1),
    ({"ci": None}, 1),
]


@pytest.fixture(name="told", params=["counted", "waiting"])
def _told(service, request):
    for context, events in TOLD:
        tokens = service.enrol()
        batch = service.batch(tokens, *["plot"] * events, context={"python": "3.12"} | context)
        assert service.upload(tokens, batch).status_code == 200
    if request.param == "counted":
        fold_all(service.host.database)
    service.admin()
    return service


@pytest.fixture(name="rows")
def _rows(told):
    def rows(name, query=""):
        answer = told.browser.get(f"/p/demo/data/{name}.json?{query}")
        assert answer.status_code == 200, answer.text
        return [list(row.values()) for row in answer.json()["rows"]]

    return rows


def test_what_ran_on_ci_is_left_out_until_it_is_asked_for(rows):
    assert rows("features") == [["plot", 4, 100.0, None]]
    assert rows("features", "ci=with") == [["plot", 6, 100.0, 19]]
    assert rows("python") == [["3.12", 4, 100.0]]
    assert rows("python", "ci=with") == [["3.12", 6, 100.0]]
    assert rows("events")[0][1:] == [4, 7]
    assert rows("events", "ci=with")[0][1:] == [6, 19]


def test_a_filter_that_speaks_of_ci_is_taken_at_its_word(rows):
    assert rows("python", "where=ci+%3D+yes") == [["3.12", 2, 100.0]]
    assert rows("python", "where=not+ci+%3D+yes") == [["3.12", 4, 100.0]]
    assert rows("python", "where=ci+%3D+no+or+ci+%3D+yes") == [["3.12", 4, 100.0]]
    assert rows("python", "where=container+%3D+yes") == [["3.12", 1, 100.0]]
    assert rows("python", "where=container+%3D+yes&ci=with") == [["3.12", 2, 100.0]]


def test_the_share_of_ci_is_of_everyone_and_that_of_containers_of_people(rows):
    assert rows("ci") == [["no", 2, 33.3], ["unknown", 2, 33.3], ["yes", 2, 33.3]]
    assert sorted(rows("container")) == [["no", 1, 25.0], ["unknown", 2, 50.0], ["yes", 1, 25.0]]


def test_the_page_says_so_and_one_click_includes_and_leaves_out_again(told):
    page = told.browser.get("/p/demo/platforms").text
    link = html.unescape(re.search(r'href="([^"]+)">Include CI', page)[1])

    included = told.browser.get(link).text
    back = html.unescape(re.search(r'href="([^"]+)">Leave CI out', included)[1])

    assert link == "/p/demo/platforms?ci=with"
    assert back == "/p/demo/platforms"
    assert 'name="ci" value="with"' in included
    assert "Include CI" not in told.browser.get("/p/demo?where=ci+%3D+no").text


def test_where_nothing_ran_on_ci_nothing_is_said(service):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot", context={"ci": False}))
    service.admin()

    page = service.browser.get("/p/demo").text

    assert "Include CI" not in page
    assert "records nothing on CI" not in service.browser.get("/p/demo/platforms").text
    assert service.browser.get("/p/demo/data/features.json").json()["rows"][0]["Events"] == 1


def test_where_no_client_tells_of_ci_it_is_said_that_ours_records_nothing_there(service):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    service.admin()

    assert "Our own client records nothing on CI." in service.browser.get("/p/demo/platforms").text


def test_the_summary_leaves_it_out_too(told):
    with told.host.database.read() as connection:
        found = summarise(connection, _packages.find(connection, "demo"), told.clock())

    assert found.active[28] == 4
    assert found.events == 7
    assert found.features == [Feature("plot", 4, None)]
    assert "plot" in as_text(found)


def test_a_mail_counts_people_in_its_subject_and_above_its_tables(told):
    with told.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        period = _letters.Period("week", told.clock() // DAY - 6, told.clock() // DAY)
        found = _letters.report(connection, package, period, "https://usage.example.org")

    assert found.subject.startswith("demo: 4 users in the week")
    assert re.search(r"^  users +4 \(0 in the 7 days before\)$", found.text, re.MULTILINE)
    assert re.search(r"^  events +7 \(0 in the 7 days before\)$", found.text, re.MULTILINE)


def test_badges_count_people(service):
    for number in range(14):
        tokens = service.enrol()
        context = {"ci": True} if number else {}
        service.upload(tokens, service.batch(tokens, "plot", context=context))

    with service.host.database.read() as connection:
        answers = Answers(connection, _packages.find(connection, "demo"), service.clock())
        assert answers.total(answers.today, answers.today).users == 14
        assert _badges.users("users", answers) is None


def test_another_choice_about_ci_cannot_be_asked(told):
    answer = told.browser.get("/p/demo/data/os.json?ci=no")

    assert answer.status_code == 400
    assert "expected with" in answer.text


def test_the_terminal_includes_it_on_demand(tmp_path):
    folder = ["-d", str(tmp_path / "host")]
    made = CliRunner().invoke(host_group, ["demo", "--installs", "8", "--no-serve", *folder])
    assert made.exit_code == 0
    said = CliRunner().invoke(
        report_command, ["demo-package", "container", "--ci", "--days", "365", *folder]
    )

    assert said.exit_code == 0, said.output
    assert "Users by container" in said.stdout


@pytest.mark.parametrize("value", ["yes", 1, [], {}])
def test_what_is_no_boolean_is_no_batch(service, value):
    tokens = service.enrol()
    batch = service.batch(tokens, "plot", context={"ci": value})

    assert service.upload(tokens, batch).status_code == 400


@pytest.mark.parametrize("told", [["unknown"], [None, "unknown"], ["3.12", "unknown"]])
def test_a_client_that_tells_unknown_tells_nothing(service, told):
    for python in told:
        tokens = service.enrol()
        service.upload(tokens, service.batch(tokens, "plot", context={"python": python}))
    fold_all(service.host.database)

    with service.host.database.read() as connection:
        answers = Answers(connection, _packages.find(connection, "demo"), service.clock())
        day = (answers.today, answers.today)
        nobody = sum(python != "3.12" for python in told)
        for found in (answers.breakdown("python", *day), answers.latest("python", *day)):
            assert {e.value: e.users for e in found}["unknown"] == nobody
        where = Is("python", "unknown")
        assert answers.total(*day, where=where).users == nobody
