"""Laws of a survey's plots: equal to counting by hand, behind the filters, never public."""

import collections
import csv
import io
import random
import re
import uuid

import pytest
from click.testing import CliRunner

from otumat_usage.host import _gate, _packages, _survey
from otumat_usage.host._answers import Answers
from otumat_usage.host._catalogue import ExhibitUnknown, exhibit, shown_on
from otumat_usage.host._public import publish
from otumat_usage.host._question import ask
from otumat_usage.host._rights import erase
from otumat_usage.host._worker import fold_all
from otumat_usage.host.cli import host_group, report_command

FIELD = {"id": "field", "text": "What <for>?", "options": ["a & b", "industry", "nobody"]}
OFTEN = {"id": "often", "text": "How often?", "options": ["daily", "now and then"]}
ALL = ["survey", "survey.field", "survey.field.features", "survey.often", "survey.often.features"]


@pytest.fixture(name="people")
def _people(service):
    """Twelve users who answered what they liked and used what they liked, some not counted yet."""
    with service.host.database.write() as connection:
        _packages.survey(connection, "demo", _survey.questions_of([FIELD, OFTEN]))
    rng, people = random.Random(3), []
    for number in range(12):
        given = {
            q["id"]: rng.choice(q["options"][:2]) for q in (FIELD, OFTEN) if rng.random() < 0.7
        }
        tokens = _enrol(service, given)
        used = rng.sample(["plot", "fit", "read"], rng.randrange(0, 3))
        if used:
            system = rng.choice(["Linux", "Windows"])
            context = {"package_version": "1.0", "python": "3.12", "os": system}
            batch = service.batch(tokens, *used, context=context)
            assert service.upload(tokens, batch).status_code == 200
            people.append((given, set(used), system))
        if number == 6:
            fold_all(service.host.database)
    return people


def _enrol(service, given):
    url = service.authorization()
    fields = dict(
        re.findall(r'name="(csrf|consent)" value="([^"]+)"', service.browser.get(url).text)
    )
    fields |= {f"survey-{name}": option for name, option in given.items()}
    answer = service.browser.post(url, data=fields | {"decision": "yes"})
    return service.redeem(service.values(answer)["code"]).json()


@pytest.fixture(name="show")
def _show(service):
    def show(name, **given):
        with service.host.database.read() as connection:
            package = _packages.find(connection, "demo")
            answers = Answers(connection, package, service.clock())
            return exhibit(name, answers, ask(answers, given))

    return show


@pytest.mark.parametrize("where", ["", "os = Linux", "feature = plot", "not os = Linux"])
@pytest.mark.parametrize("counted", [False, True])
def test_each_number_is_what_counting_by_hand_gives(service, people, show, where, counted):
    if counted:
        fold_all(service.host.database)
    chosen = {
        "": lambda _used, _system: True,
        "os = Linux": lambda _used, system: system == "Linux",
        "not os = Linux": lambda _used, system: system != "Linux",
        "feature = plot": lambda used, _system: "plot" in used,
    }[where]
    people = [each for each in people if chosen(*each[1:])]

    for question in (FIELD, OFTEN):
        name = f"survey.{question['id']}"
        given = [(answers[question["id"]], used) for answers, used, _ in people
                 if question["id"] in answers]  # fmt: skip
        options = collections.Counter(option for option, _ in given)
        pairs = collections.Counter((option, each) for option, used in given for each in used)

        rows = show(name, where=where).rows
        assert [(row[0], row[1]) for row in rows] == [
            (option, options[option]) for option in question["options"] if given
        ]
        crossed = show(f"{name}.features", where=where)
        for row in crossed.rows:
            cells = dict(zip(crossed.heads[1:], row[1:], strict=True))
            for option in options:
                both = pairs[option, row[0]]
                assert cells[f"{option}: users"] == both
                assert cells[f"{option}: %"] == round(100 * both / options[option], 1)
        assert {row[0] for row in crossed.rows} == {each for _, each in pairs}


@pytest.mark.usefixtures("people")
def test_what_is_remembered_is_right_after_every_install_upload_and_erasure(service, show):
    """A reply comes with an install, which counts nothing yet."""

    def said():
        fold_all(service.host.database)
        for name in ("survey.field", "survey.field.features"):
            rows = show(name).rows
            assert show(name).rows == rows
        return {row[0]: row[1] for row in show("survey.field").rows}

    before = said()
    tokens = _enrol(service, {"field": "nobody"})
    assert said() == before

    service.upload(tokens, service.batch(tokens, "fit"))
    assert said() == {**before, "nobody": 1}
    assert "nobody: users" in show("survey.field.features").heads

    with service.host.database.write() as connection:
        erase(connection, uuid.UUID(tokens["install_id"]).bytes)
    assert said() == before


@pytest.mark.usefixtures("people")
def test_the_page_and_every_file_show_them(service):
    service.admin()

    page = service.browser.get("/p/demo/survey")

    assert "What &lt;for&gt;?" in page.text
    assert "<for>" not in page.text
    for name in ALL:
        assert (f'id="x-{name}"' in page.text) == (name != "survey")
        for kind in ("csv", "json", "svg"):
            answer = service.browser.get(f"/p/demo/data/{name}.{kind}")
            assert answer.status_code == 200
            assert "<for>" not in answer.text or kind != "svg"


@pytest.mark.usefixtures("people")
def test_nobody_answered_in_these_days_is_said(service, show):
    service.clock.forward(days=100)

    for name in ALL:
        found = show(name)
        assert found.rows == []
        assert "has answered" in found.empty


def test_without_questions_the_page_says_how_to_ask(service, show):
    with service.host.database.read() as connection:
        answers = Answers(connection, _packages.find(connection, "demo"), service.clock())
        assert shown_on("survey", answers) == ["survey"]

    assert "otumat-usage host survey" in show("survey").empty
    with pytest.raises(ExhibitUnknown, match="survey"):
        show("survey.field")


@pytest.mark.usefixtures("people")
def test_an_unknown_answer_names_those_of_the_survey(show):
    for name in ("survey.", "survey.other", "survey.field.features.x", "survey.field.other"):
        with pytest.raises(ExhibitUnknown, match=r"survey\.often\.features"):
            show(name)


def test_no_answer_to_a_survey_is_ever_public(service, people):
    assert people
    with service.host.database.write() as connection:
        publish(connection, _packages.find(connection, "demo"), on=True)

    assert not any(name.startswith("survey") for name in _gate.PUBLIC)
    for name in ALL:
        for kind in ("csv", "json", "svg"):
            assert service.browser.get(f"/public/demo/{name}.{kind}").status_code == 404
    for text in ("What &lt;for", "industry", "a &amp; b"):
        assert text not in service.browser.get("/public/demo").text


@pytest.mark.service
def test_the_demo_and_the_terminal_show_them(tmp_path):
    folder = ["-d", str(tmp_path / "host")]
    done = CliRunner().invoke(host_group, ["demo", "--installs", "30", "--no-serve", *folder])
    assert done.exit_code == 0, done.output

    def report(*arguments):
        done = CliRunner().invoke(report_command, ["demo-package", *arguments, *folder])
        assert done.exit_code == 0, done.output
        return done.stdout

    text = report("survey", "--days", "365")
    rows = list(csv.DictReader(io.StringIO(report("survey.field", "--days", "365", "--csv"))))

    assert "Answers to the survey" in text
    assert "What do you use it for?" in text
    assert sum(int(row["Users"]) for row in rows) > 5
    assert "Features by answer" in report("survey.field.features", "--days", "365")
