"""The whole way, for real: terminal, host, browser, events, upload, report."""

import json

import pytest

pytestmark = pytest.mark.service

USE = """
import tracked
tracked.usage_agent.log(event_type="count")
tracked.usage_agent.log(event_type="count")
tracked.usage_agent.log(event_type="reverse")
"""


def test_a_yes_leads_to_events_that_the_host_reports(
    package, terminal, browser, host, python, console, data
):
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser("yes"))
    shell.expect("[y/N]").send("y\n").expect("imported")

    assert shell.wait() == 0, shell.text
    assert "Thank you" in shell.text

    python(USE)
    assert "tracked: on" in console("status").stdout
    bodies = [json.loads(line) for line in console("show").stdout.splitlines()]
    names = [row[1] for body in bodies for row in body["rows"]]
    left = [(file.name, file.read_text()) for file in data.rglob("*.spool*")]
    dropped = [body["dropped"] for body in bodies if body["dropped"]]
    expected = ["count", "count", "import", "import", "reverse"]
    assert (sorted(names), left, dropped) == (expected, [], [])
    assert console("show").stdout == console("show").stdout  # the bytes are fixed

    assert "5 events sent, 0 waiting" in console("upload").stdout
    assert console("show").stdout == ""
    (sent,) = json.loads(console("sent", "--json").stdout)
    assert (sent["rows"], sent["accepted"], sent["outcome"]) == (5, 5, "acknowledged")

    report = json.dumps(host.report())
    assert "count" in report
    assert "reverse" in report
    for path in data.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_no_on_the_page_is_kept(package, terminal, browser, host, console, python):
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser("no"))
    shell.expect("[y/N]").send("y\n").expect("imported")

    assert shell.wait() == 0

    python(USE)
    assert "off, you said no (page" in console("status", "tracked", code=1).stdout
    assert console("upload", "tracked", code=1).stdout == ""
    assert not host.report().get("events")
