"""Laws of the survey: choices only, never the price of a yes, shown to its user, gone with them."""

import json

import pytest
from click.testing import CliRunner

from otumat_usage.host import _packages, _survey
from otumat_usage.host._database import installs, select
from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host.cli import host_group

FIELD = {"id": "field", "text": "What do you <b>work</b> in?", "options": ["a & b", "industry"]}
OFTEN = {"id": "often", "text": "How often?", "options": ["daily", "now and then"]}


@pytest.fixture
def asking(service):
    with service.host.database.write() as connection:
        _packages.survey(connection, "demo", _survey.questions_of([FIELD, OFTEN]))
    return service


@pytest.fixture
def agree(asking):
    """Say yes with these answers; return the redirect's values, or the refusal's status."""
    import re

    def agree(**answers):
        url = asking.authorization()
        page = asking.browser.get(url).text
        form = dict(re.findall(r'name="(csrf|consent)" value="([^"]+)"', page))
        form |= {f"survey-{name}": value for name, value in answers.items()}
        answer = asking.browser.post(url, data=form | {"decision": "yes"})
        return asking.values(answer) if answer.status_code == 303 else answer.status_code

    return agree


@pytest.fixture
def kept(asking):
    """Return what the store holds of all who answered anything."""

    def kept():
        with asking.host.database.read() as connection:
            given = select(installs.c.survey).where(installs.c.survey.is_not(None))
            return [json.loads(text) for text in connection.scalars(given)]

    return kept


def held(service, tokens):
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    return json.loads(service.browser.get("/api/usage-self", headers=header).text.splitlines()[0])


def test_an_answer_is_kept_and_shown(asking, agree, kept):
    tokens = asking.redeem(agree(field="a & b", often="")["code"]).json()

    assert held(asking, tokens)["survey"] == {"field": "a & b"}
    assert kept() == [{"field": "a & b"}]


def test_nobody_has_to_answer(asking, agree, kept):
    tokens = asking.redeem(agree()["code"]).json()

    assert "survey" not in held(asking, tokens)
    assert kept() == []


def test_only_what_was_offered_can_be_answered(agree, kept):
    assert agree(field="something else") == 422
    assert "code" in agree(unknown="x")
    assert kept() == []


def test_the_questions_are_text_and_part_of_what_is_agreed_to(service):
    before = service.browser.get("/.well-known/otumat-usage?package=demo").json()["consent"]
    with service.host.database.write() as connection:
        _packages.survey(connection, "demo", _survey.questions_of([FIELD]))

    page = service.browser.get(service.authorization()).text
    after = service.browser.get("/.well-known/otumat-usage?package=demo").json()["consent"]

    assert "What do you &lt;b&gt;work&lt;/b&gt; in?" in page
    assert 'value="a &amp; b"' in page
    assert page.count("No answer") == 1
    assert before["sha256"] != after["sha256"]


def test_an_erased_user_s_answers_are_gone(asking, agree, kept):
    tokens = asking.redeem(agree(often="daily")["code"]).json()
    assert kept() == [{"often": "daily"}]
    header = {"Authorization": f"Bearer {tokens['access_token']}"}

    assert asking.browser("DELETE", "/api/usage-self", headers=header).status_code == 200

    assert kept() == []


@pytest.mark.parametrize(
    "data",
    [
        {}, "x", [FIELD] * 2, [FIELD] * 6, [{}], [FIELD | {"more": 1}], [FIELD | {"id": "No"}],
        [FIELD | {"text": ""}], [FIELD | {"text": "a\nb"}], [FIELD | {"text": "x" * 201}],
        [FIELD | {"options": ["one"]}], [FIELD | {"options": ["a", "a"]}],
        [FIELD | {"options": [1, 2]}], [FIELD | {"options": "ab"}],
        [FIELD | {"options": ["", "b"]}],
        [FIELD | {"options": [str(i) for i in range(13)]}],
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_no_survey_is_refused(data):
    with pytest.raises(PackageInvalid):
        _survey.questions_of(data)


def test_the_command_puts_questions_on_the_page_and_takes_them_off(tmp_path):
    folder, file = ["-d", str(tmp_path / "host")], tmp_path / "questions.json"

    def run(*arguments):
        return CliRunner().invoke(host_group, [*arguments, *folder])

    run("add-package", "mypackage")
    for data, said in (([FIELD, OFTEN], "2"), ([], "0")):
        file.write_text(json.dumps(data))
        assert run("survey", "mypackage", str(file)).output == f"mypackage: {said} questions\n"
    for text in ("no json", '{"id": 1}'):
        file.write_text(text)
        answer = run("survey", "mypackage", str(file))
        assert answer.exit_code == 2
        assert answer.output.startswith("Error: ")
