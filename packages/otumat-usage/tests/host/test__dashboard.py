"""What the maintainer gets: each page and file for no data, one user and a year of use."""

import csv
import hashlib
import html
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from otumat_usage.host import (
    _answers,
    _catalogue,
    _demo,
    _demo_host,
    _expression,
    _packages,
    _pages,
)
from otumat_usage.host._answers import Answers
from otumat_usage.host._question import ask
from otumat_usage.host._survey import questions_of
from otumat_usage.host._worker import fold_all

# Makes up a year and asks for everything in it.
pytestmark = pytest.mark.service

PAGES = list(_catalogue.PAGES)
SURVEY = [f"survey.{q['id']}{more}" for q in _demo.SURVEY for more in ("", ".features")]


@pytest.fixture(name="year", scope="module")
def _year(steady):
    """A year of 30 people under the package `year`, seen by a maintainer."""
    package = steady.add("year", events=dict(_demo.EVENTS))
    crowd = _demo.people(5, 30)
    with steady.host.database.write() as connection:
        _packages.survey(connection, "year", questions_of(_demo.SURVEY))
        _demo_host._agree(connection, package, crowd, 5, steady.clock())
    _demo_host._Sender(steady.host.database, package.id, 5, steady.clock()).send(crowd)
    fold_all(steady.host.database)
    steady.admin()
    return steady


SCRIPT = '<script type="module" src="/static/%s/answers.js"></script>'
SCRIPT_TAG = hashlib.sha256(
    (Path(_pages.__file__).parent / "static" / "answers.js").read_bytes()
).hexdigest()[:12]


def rows_of(year, name, query=""):
    return json.loads(year.browser.get(f"/p/year/data/{name}.json{query}").text)["rows"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("query", ["", "?days=365", "?days=7&where=not+os+%3D+Linux"])
def test_each_page_has_its_answers_and_nothing_inline(year, page, query):
    answer = year.browser.get(f"/p/year/{page}{query}".replace("/?", "?").rstrip("/"))

    assert answer.status_code == 200
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert re.findall(r"<script.*?/script>", answer.text) == [SCRIPT % SCRIPT_TAG]
    assert not re.search(r"<[^>]*\sstyle=", answer.text)
    for name in SURVEY if page == "survey" else _catalogue.PAGES[page][1]:
        assert f'id="x-{name}"' in answer.text


@pytest.mark.parametrize("name", [*_catalogue.EXHIBITS, *SURVEY])
@pytest.mark.parametrize("query", ["", "?where=python+>%3D+3.11+or+feature+%3D+fit&days=200"])
def test_csv_json_svg_and_page_have_the_same_rows(year, name, query):
    rows = rows_of(year, name, query)
    table = list(csv.reader(io.StringIO(year.browser.get(f"/p/year/data/{name}.csv{query}").text)))
    drawn = year.browser.get(f"/p/year/data/{name}.svg{query}")

    assert len(table) == 1 + len(rows)
    for row, cells in zip(rows, table[1:], strict=True):
        assert list(row) == table[0]
        assert ["" if cell is None else str(cell) for cell in row.values()] == cells
    if drawn.status_code == 200:
        assert drawn.headers["content-type"] == "image/svg+xml"
        ET.fromstring(drawn.text)
    else:
        assert name in {"least", "never", "halves", "health"}


def test_a_filter_selects_the_same_users_everywhere(year):
    only = {row["Python"]: row["Users"] for row in rows_of(year, "python", "?days=365")}

    for python, users in only.items():
        others = " or ".join(f"python = {other}" for other in only if other != python)
        rest = rows_of(year, "os", f"?days=365&where={others}".replace(" ", "+"))
        alone = rows_of(year, "os", f"?days=365&where=python+%3D+{python}")
        assert sum(row["Users"] for row in alone) >= users
        assert sum(row["Users"] for row in alone + rest) >= sum(only.values())


def test_a_value_that_was_never_seen_is_said_on_the_page_and_by_each_answer(year):
    said = "os = linux was never seen; nearest: Linux"

    assert said in year.browser.get("/p/year?where=os+%3D+linux").text
    assert "was never seen" not in year.browser.get("/p/year?where=os+%3D+Linux").text
    with year.host.database.read() as connection:
        answers = Answers(connection, _packages.find(connection, "year"), year.clock())
        asked = ask(answers, {"where": "os = linux"})
        found = {
            name: _catalogue.exhibit(name, answers, asked).empty for name in _catalogue.EXHIBITS
        }
    of_everyone = {name for name, empty in found.items() if not empty.startswith(said)}
    assert of_everyone == {
        "never", "drop-python", "drop-version", "drop", "survey", "health", "decisions",
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_where_nobody_matches_no_plot_is_drawn_without_anything_in_it(year, page):
    text = year.browser.get(f"/p/year/{page}?where=os+%3D+linux".replace("/?", "?")).text

    for plot in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert re.search(r"<(rect|polyline|circle)\b", plot), plot


def test_what_is_sorted_by_events_that_are_not_known_is_not_called_by_events(year):
    plain = year.browser.get("/p/year/features?order=events").text
    narrow = year.browser.get("/p/year/features?order=events&where=os+%3D+Linux").text

    assert "Features, by events" in plain
    assert "Events cannot be told apart" not in plain
    assert "Features, by users" in narrow
    assert "Events cannot be told apart" in narrow


def test_who_is_left_behind_equals_who_used_nothing_else(year):
    with year.host.database.read() as connection:
        from otumat_usage.host import _packages

        answers = _answers.Answers(connection, _packages.find(connection, "year"), year.clock())
        first, last = answers.today - 364, answers.today
        for row in rows_of(year, "drop-python", "?days=365"):
            where = _expression.read(row["If we drop"], answers.values)
            whole = answers.total(first, last).users
            others = answers.total(first, last, where=_answers.Not(where)).users
            assert row["Used nothing else"] == whole - others
            assert row["Used it"] == answers.total(first, last, where=where).users


def test_declared_but_unused_features_are_named(year):
    never = {row["Feature"] for row in rows_of(year, "never")}

    assert {"convert units", "interpolate 3d", "undo"} <= never
    assert never.isdisjoint(row["Feature"] for row in rows_of(year, "least", "?days=365"))
    page = year.browser.get("/p/year/unused").text
    for name in never:
        assert f"<li>{name}</li>" in page


def test_picking_a_value_narrows_the_filter_and_keeps_the_rest(year):
    query = {
        "where": "os = Linux or os = macOS",
        "days": "28",
        "pick": "python = 3.12",
        "how": "and",
    }

    answer = year.browser.get("/p/year/features", params=query, follow_redirects=False)
    followed = year.browser.get(answer.headers["location"])

    assert answer.status_code == 303
    assert 'value="(os = Linux or os = macOS) and python = 3.12"' in html.unescape(followed.text)
    assert 'name="days" value="28"' in followed.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("where=pyhton+%3D+3", "one of feature, version"),
        ("days=0", "expected a number from 1 to 800"),
        ("days=999999999999", "expected a number from 1 to 800"),
        ("days=%D9%A3", "expected a number"),
        ("order=size", "is no order"),
        ("where=" + "x" * 2000, "at most 1000"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(year, query, said):
    page = year.browser.get(f"/p/year?{query}")
    file = year.browser.get(f"/p/year/data/features.csv?{query}")

    assert (page.status_code, file.status_code) == (400, 400)
    assert said in html.unescape(page.text)
    assert '<a href="/p/year">Back to the answers</a>' in page.text
    assert said in file.json()["detail"]


def test_what_cannot_be_read_is_shown_as_it_was_asked_and_leads_back(year):
    page = year.browser.get("/p/year/platforms?where=os+%3D+%3Cb%3E&days=7").text

    assert "What was asked: os = &lt;b&gt;" in page
    assert '<a href="/p/year/platforms">Back to the answers</a>' in page


@pytest.mark.parametrize(
    "path",
    ["/p/nobody", "/p/year/nothing", "/p/year/data/nothing.csv", "/p/year/data/features.exe",
     "/p/year/data/health.svg", "/p/nobody/data/features.csv"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(year, path):
    assert year.browser.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/p/year", "/p/year/features", "/p/year/data/features.csv"])
def test_strangers_see_nothing_and_learn_nothing(year, path):
    stranger = year.new_browser()

    known = stranger.get(path)
    unknown = stranger.get(path.replace("year", "nobody"))
    stranger.close()

    assert known.status_code == unknown.status_code == 401
    assert known.text == unknown.text


@pytest.mark.parametrize("page", PAGES)
def test_no_data_yet_says_what_to_do_next(service, page):
    service.admin()

    answer = service.browser.get(f"/p/demo/{page}".rstrip("/"))

    assert answer.status_code == 200
    assert "Nothing has arrived yet" in answer.text
    assert "UsageAgent(" in html.unescape(answer.text)
    assert "otumat-usage upload" in answer.text


def test_one_user_with_one_event_has_every_page_and_file(service):
    service.admin()
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "=plot<b>"))

    for page in PAGES:
        answer = service.browser.get(f"/p/demo/{page}".rstrip("/"))
        assert answer.status_code == 200
        assert "<b>plot" not in answer.text
        assert "plot<b>" not in answer.text
    for name in _catalogue.EXHIBITS:
        assert service.browser.get(f"/p/demo/data/{name}.json").status_code == 200


def test_names_from_clients_are_links_that_filter_exactly(service):
    service.admin()
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, 'a "quoted" (name) or not', "plain"))

    page = service.browser.get("/p/demo/features").text
    links = re.findall(r'href="(/p/demo/features\?where=[^"]+)"', page)

    assert links
    for link in links:
        assert service.browser.get(html.unescape(link)).status_code == 200
