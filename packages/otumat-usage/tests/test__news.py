"""What a host tells the users of a package: one harmless line, for the package that asks."""

import datetime as dt
import json

import pytest
from packaging.version import InvalidVersion, Version

from otumat_usage import News, UsageAgent, _answer, _news, _schema, testing

from .uploads._answers import EVENTS, accept


@pytest.fixture(name="agent")
def _agent(enrolled):
    return enrolled


def _upload(agent, fake, **told):
    """Upload one event to a host that tells *told*."""

    fake.routes[EVENTS] = lambda body: accept(body, new={"in": ["wire 3"]}, **told)
    agent.log(event_type="one")
    assert agent.send().events == 1


def test_nothing_is_known_before_a_host_told_something(agent, fake):
    assert agent.news() is None

    _upload(agent, fake)

    assert agent.news() is None


def test_what_the_last_answer_told_is_known(agent, fake, data):
    _upload(agent, fake, latest_version="1.9", notice="1.9 is out")
    _upload(agent, fake, latest_version="2.0rc1", notice=None)
    news = agent.news()

    assert (news.latest_version, news.notice) == ("2.0rc1", None)
    assert abs(news.received - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=5)
    assert (data / "packages/p/news.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("told", [{}, {"latest_version": None, "notice": None}, {"notice": ""}])
def test_a_host_that_tells_nothing_any_more_is_believed(agent, fake, data, told):
    _upload(agent, fake, latest_version="1.9", notice="1.9 is out")
    _upload(agent, fake, **told)

    assert agent.news() is None
    assert not (data / "packages/p/news.json").exists()


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("  two\r\nlines\tof  text ", "two lines of text"),
        ("\x1b[31mred\x1b[0m, \x9b1mbold", "red, bold"),
        ("\x1b]0;title\x07a \x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "a link"),
        ("\x1bPq#0\x1b\\x\x1b(B\x1bcy", "xy"),
        ("\x9d2;title\x9cz\x90q\x9c", "z"),
        ("cut \x1b[", "cut"),
        ("bell\x07, null\x00, back\x08, del\x7f", "bell, null, back, del"),
        ("turned \u202egnp.exe and hid\u200bden", "turned gnp.exe and hidden"),
        ("half \ud800", "half"),
        ("Größe 1/2 → ok", "Größe 1/2 → ok"),
        ("x" * 500, "x" * 200),
        ("\x1b[31m" + "x" * 500, "x" * 200),
        ("\x00 \x1b[2J", None),
        (7, None),
        (["x"], None),
    ],
)
def test_a_notice_is_one_line_that_no_terminal_acts_upon(agent, fake, told, shown):
    _upload(agent, fake, latest_version="1", notice=told)

    assert agent.news().notice == shown


@pytest.mark.parametrize(
    "told",
    [
        "1",
        "1.0",
        "v1.0",
        "1!2.0",
        "1.0a1",
        "1.0.alpha-2",
        "1.0rc",
        "1.0c3",
        "1.0.post1",
        "1.0-1",
        "1.0.dev4",
        "1.0+local.1",
        "1.0_rev2",
        "1.0a2.post3.dev4+x-y",
        "1.0.a",
        "latest",
        "1..0",
        "1.0+",
        "1.0é",
        "1.0;rm",
        "1.0.dev.dev",
        "\u0968",
        "1.0\x1b[1m",
    ],
)
def test_a_version_is_what_pep_440_says(told):
    try:
        Version(told)
        known = True
    except InvalidVersion:
        known = False

    assert (_news.version(told) == told) is known


@pytest.mark.parametrize("told", [None, 1, True, "", " ", {"a": 1}, "1." + "0." * 200 + "0"])
def test_what_is_no_version_is_none(told):
    assert _news.version(told) is None


def test_after_a_no_nothing_is_told_or_kept(agent, fake, data, console, monkeypatch):
    _upload(agent, fake, notice="hello")
    assert json.loads(console("export", "--local").stdout)["packages"][0]["news"][fake.origin][
        "notice"
    ] == "hello"  # fmt: skip
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    assert agent.news() is None
    monkeypatch.delenv("DO_NOT_TRACK")
    assert agent.news().notice == "hello"

    console("off", "p")

    assert agent.news() is None
    assert not (data / "packages/p/news.json").exists()


def test_another_host_does_not_speak_for_this_one(agent, fake, data):
    _upload(agent, fake, notice="hello")
    _answer.say_yes(str(data), "p", "https://y.example", _schema.text_id(None), "test")
    other = UsageAgent(author="a", data_directory="d", package_name="p", host="https://y.example")

    assert other.refusal() is None
    assert other.news() is None


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"\xff", b"[" * 3000, b"{}", b'{"origin": 1}', b"x" * 5000]
    + [b'{"origin": "@", "received": %s, "latest_version": 1, "notice": 2}' % when
       for when in (b"1", b'"x"', b"1e300", b"null")],
)  # fmt: skip
def test_a_damaged_file_tells_nothing_and_does_not_raise(agent, fake, data, damage):
    _upload(agent, fake, notice="hello")
    path = data / "packages/p/news.json"
    path.write_bytes(damage.replace(b"@", fake.origin.encode()))

    assert agent.news() is None


def test_under_capture_there_are_no_news():
    with testing.capture():
        agent = UsageAgent(
            author="a", data_directory="d", package_name="p", host="https://x.example"
        )

        assert agent.news() is None


def test_asking_costs_an_import_nothing(python):
    python("""
        import sys
        from otumat_usage import UsageAgent
        agent = UsageAgent(author="a", data_directory="d", package_name="p", host="https://x.example")
        agent.log(event_type="import")
        assert "otumat_usage._news" not in sys.modules
        assert agent.news() is None
        assert "socket" not in sys.modules
    """)


def test_news_can_be_made_by_the_tests_of_a_package():
    assert News("1.0", None, dt.datetime.now(dt.timezone.utc)).latest_version == "1.0"


@pytest.mark.service
def test_what_a_maintainer_tells_the_real_host_reaches_the_package(
    package, terminal, browser, host, console, python
):
    host._run("news", "tracked", "--latest", "2.0", "--notice", "2.0 reads twice as fast")
    package(host.origin)
    terminal("import tracked", BROWSER=browser("yes")).expect("[y/N]").send("y\n").expect("Thank")
    python("import tracked")
    console("upload")
    seen = python("""
        import tracked
        news = tracked.usage_agent.news()
        print(news.latest_version, news.notice, sep=": ")
    """).stdout

    assert seen == "2.0: 2.0 reads twice as fast\n"
