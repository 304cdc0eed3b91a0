"""A real Chromium: the consent page's buttons, and the dashboard that the answers end up on."""

import os
import re
import shutil
import sys
import time

import pytest

pytestmark = pytest.mark.browser

USE = """
import tracked
for name in ("count", "count", "reverse"):
    tracked.usage_agent.log(event_type=name)
"""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--no-first-run",
)  # fmt: skip


@pytest.fixture(name="chromium")
def _chromium(tmp_path):
    """Start a Chromium with a profile of its own, JavaScript off: the pages must not need it."""
    from playwright import sync_api as playwright

    path = os.environ.get("OTUMAT_CHROMIUM") or shutil.which("chromium")
    assert path, "no chromium: install it (Debian: apt install chromium) or set OTUMAT_CHROMIUM"
    with playwright.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=path, args=list(FLAGS), headless=True,
            java_script_enabled=False,
        )  # fmt: skip
        complaints = []
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        yield page
        context.close()
    # A style or an image that the page's own content security policy forbids would show here.
    assert [text for text in complaints if "Content Security Policy" in text] == []


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
    chromium, opened, package, terminal, python, console, host
):
    browser, address = opened
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser)
    shell.expect("[y/N]").send("y\n")
    chromium.goto(address())
    assert "tracked" in chromium.inner_text("h1")
    chromium.get_by_role("button", name=re.compile("^Yes")).click()

    shell.expect("Thank you").expect("imported")
    assert shell.wait() == 0

    python(USE)
    assert "5 events sent" in console("upload").stdout
    chromium.goto(host.ready["admin"])
    chromium.get_by_role("link", name="tracked").first.click()
    text = chromium.inner_text("body")
    assert "reverse" in text
    assert "count" in text
    assert chromium.locator("svg").count() >= 1

    # The link was for once.
    chromium.context.clear_cookies()
    answer = chromium.goto(host.ready["admin"])
    assert answer.status in {401, 403, 404, 410}


def test_no_is_clicked_and_the_program_hears_of_it(
    chromium, opened, package, terminal, console, host
):
    browser, address = opened
    package(host.origin)
    shell = terminal("import tracked; print('imported')", BROWSER=browser)
    shell.expect("[y/N]").send("y\n")
    chromium.goto(address())
    chromium.get_by_role("button", name="No").click()

    shell.expect("nothing is recorded").expect("imported")
    assert shell.wait() == 0
    console("status", "tracked", code=1)
