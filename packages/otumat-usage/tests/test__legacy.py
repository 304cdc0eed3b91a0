"""What otumat 0.3 left is read as it wrote it: a no stays, a yes is asked about again.

The two files are as `otumat==0.3.1` writes them (usage.py: `install`, `log`, `save_config`).
"""

import json
import sqlite3

import pytest

CONFIG = {
    "author": "Tests", "data_directory": "tracked", "package_name": "tracked",
    "host": "https://x.example", "install_route": "/user/usage-install",
    "event_route": "/api/usage-event", "refresh_route": "/auth/token", "response_timeout": 60,
    "upload_frequency": "24h",
}  # fmt: skip
YES = {
    "collect": True, "access_token": "SECRET-A", "refresh_token": "SECRET-R", "expires_at": 1.5e9,
    "scope": "x", "install_id": "i", "client_id": "SECRET-C", "client_secret": "SECRET-S",
    "mac_address": "SECRET-M", "location": "SECRET-L",
}  # fmt: skip


@pytest.fixture(name="left")
def _left(data):
    """Write what 0.3 writes: config.json, and main.db with events."""
    folder = data.parent / "tracked" / "usage"
    folder.mkdir(parents=True)

    def write(collect, events=()):
        config = {**CONFIG, **(YES if collect else {"collect": False})}
        folder.joinpath("config.json").write_text(json.dumps(config, indent=4, sort_keys=True))
        if collect:
            db = sqlite3.connect(folder / "main.db")
            with db:
                db.execute("CREATE TABLE event(event_date datetime(3), event_type varchar(100))")
                db.executemany("INSERT INTO event VALUES (?, ?)", events)
            db.close()
        return folder

    return write


EVENTS = [("2022-03-01 12:00:00.250000", "import"), ("2022-03-02 12:00:00.000000", "fit")]


def test_a_recorded_no_is_honoured_for_good(left, package, python, data):
    left(False)
    package()
    done = python("import tracked; print(tracked.usage_agent.refusal())")

    assert done.stdout.startswith("the user said no (otumat-0.3, ")
    assert data.joinpath("packages/tracked/answer").exists()


@pytest.mark.service
def test_a_recorded_no_is_not_asked_about(left, package, terminal):
    left(False)
    package()
    shell = terminal("import tracked; print('imported')")

    assert shell.wait() == 0
    assert shell.text == "imported\n"


def test_a_recorded_yes_permits_nothing(left, package, python, data):
    folder = left(True, EVENTS)
    package()
    done = python("import tracked; print(tracked.usage_agent.refusal())")

    assert done.stdout == "not asked yet\n"
    assert not data.exists()
    assert folder.joinpath("main.db").exists()


@pytest.mark.parametrize(
    "damage",
    ["", "[]", "{}", '{"collect": false}', '{"package_name": "other", "collect": false}', "\0"],
)
def test_a_config_that_says_nothing_about_us_changes_nothing(left, package, python, data, damage):
    left(False).joinpath("config.json").write_text(damage)
    package()
    done = python("import tracked; print(tracked.usage_agent.refusal())")

    assert done.stdout == "not asked yet\n"
    assert not data.exists()


@pytest.mark.service
def test_after_a_no_to_the_new_question_nothing_of_the_old_yes_is_left(left, package, terminal):
    folder = left(True, EVENTS)
    package()
    shell = terminal("import tracked; print('imported')")
    shell.expect("you said yes to an older").expect("[y/N]").send("n\n").expect("imported")

    assert shell.wait() == 0
    assert not folder.joinpath("main.db").exists()
    config = folder.joinpath("config.json").read_text()
    assert json.loads(config)["collect"] is False
    assert "SECRET" not in config


@pytest.mark.service
@pytest.mark.parametrize(("include", "sent"), [("y\n", ["import", "fit"]), ("\n", [])])
def test_old_events_are_sent_only_if_the_user_says_so(
    left, package, terminal, browser, host, console, include, sent
):
    folder = left(True, EVENTS)
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser("yes"))
    shell.expect("[y/N]").send("y\n").expect("2 events recorded before")
    shell.expect("Send them too? [y/N]").send(include).expect("imported")

    assert shell.wait() == 0
    assert not folder.joinpath("main.db").exists()
    assert "SECRET" not in folder.joinpath("config.json").read_text()
    bodies = [json.loads(line) for line in console("show").stdout.splitlines()]
    old = [row for body in bodies for row in body["rows"] if row[0].startswith("2022")]
    assert [row[1] for row in old] == sent
    assert "SECRET" not in json.dumps(bodies)


@pytest.mark.service
def test_without_an_answer_the_old_yes_stays_aside(left, package, terminal, data):
    folder = left(True, EVENTS)
    package()
    shell = terminal("import tracked; print('imported')")
    shell.expect("[y/N]").send("\x04").expect("imported")

    assert shell.wait() == 0
    assert folder.joinpath("main.db").exists()
    assert json.loads(folder.joinpath("config.json").read_text())["collect"] is True
    assert data.joinpath("packages/tracked/answer").read_text().endswith("unanswered 1\n")
