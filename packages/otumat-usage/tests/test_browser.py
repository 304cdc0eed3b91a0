"""A real Chromium: the consent page's buttons, and the dashboard that the answers end up on."""

import json
import re
import sys
import time

import pytest

pytestmark = pytest.mark.browser

USE = """
import tracked
for name in ("count", "count", "reverse"):
    tracked.usage_agent.log(event_type=name)
"""


@pytest.fixture(name="page")
def _page(chromium):
    """A page of a fresh profile, JavaScript off: nothing here may need it."""
    context = chromium.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture(name="opened")
def _opened(tmp_path):
    """A value for BROWSER that hands the page's address to the test, and a way to await it."""
    script, address = tmp_path / "open.py", tmp_path / "address"
    script.write_text(
        "import os, sys\n"
        f"with open({str(address)!r} + '.tmp', 'w') as file:\n    file.write(sys.argv[1])\n"
        f"os.rename({str(address)!r} + '.tmp', {str(address)!r})\n"
    )

    def wait():
        end = time.monotonic() + 20
        while not address.exists():
            assert time.monotonic() < end, "no page was opened"
            time.sleep(0.02)
        return address.read_text()

    return f"{sys.executable} {script} %s", wait


def test_yes_is_clicked_and_the_dashboard_shows_the_use(
    page, opened, package, terminal, python, console, host
):
    browser, address = opened
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser)
    shell.expect("[y/N]").send("y\n")
    page.goto(address())
    assert "tracked" in page.inner_text("h1")
    page.get_by_role("button", name=re.compile("^Yes")).click()

    shell.expect("Thank you").expect("imported")
    assert shell.wait() == 0

    python(USE)
    assert "5 events sent" in console("upload").stdout
    admin = json.loads(host.ready.read_text())["admin"]
    page.goto(admin)
    page.get_by_role("link", name="tracked").first.click()
    text = page.inner_text("body")
    assert "reverse" in text
    assert "count" in text
    assert page.locator("svg").count() >= 1

    # The link was for once.
    page.context.clear_cookies()
    answer = page.goto(admin)
    assert answer.status in {401, 403, 404, 410}


def test_no_is_clicked_and_the_program_hears_of_it(page, opened, package, terminal, console, host):
    browser, address = opened
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser)
    shell.expect("[y/N]").send("y\n")
    page.goto(address())
    page.get_by_role("button", name="No").click()

    shell.expect("nothing is recorded").expect("imported")
    assert shell.wait() == 0
    console("status", "tracked", code=1)
