"""The answers in a real Chromium: each page opened, filtered, exported; axe finds nothing."""

import dataclasses
from datetime import date

import pytest

from otumat_usage.host import (
    _api_tokens,
    _catalogue,
    _demo,
    _demo_host,
    _grants,
    _packages,
    _public,
    _self_keys,
)
from otumat_usage.host._admin import new_link
from otumat_usage.host._app import make_app
from otumat_usage.host._database import func, installs, log, select, update
from otumat_usage.host._survey import Question, questions_of
from otumat_usage.host._worker import fold_all

pytestmark = [pytest.mark.browser, pytest.mark.service]

#: The texts of plots that lie outside their frames, by more than rounding.
OUTSIDE = """[...document.querySelectorAll("svg.plot text")].filter(text => {
  const box = text.getBoundingClientRect()
  const frame = text.closest("svg").getBoundingClientRect()
  return box.left < frame.left - 4 || box.right > frame.right + 4
}).map(text => text.textContent)"""
#: The names of tables' rows that are broken into more than three lines.
BROKEN = """[...document.querySelectorAll("tbody tr > :first-child")].filter(name => {
  const text = document.createRange()
  text.selectNodeContents(name)
  const high = text.getBoundingClientRect().height
  return high > 3.5 * parseFloat(getComputedStyle(name).lineHeight)
}).map(name => name.textContent)"""
#: The tables of which one has to scroll down to see all, by more than rounding.
CUT = """[...document.querySelectorAll(".scroll")].filter(box =>
  box.checkVisibility() && box.scrollHeight > box.clientHeight + 1
).map(box => box.ariaLabel)"""
PAGES = [f"/p/year/{key}".rstrip("/") for key in _catalogue.PAGES]
OTHERS = [
    "/", "/p/empty", "/p/year/privacy", "/p/year/consent", "/public/year", "/device",
    "/admin/p/year", "/admin/tokens", "/user/my-data",
]  # fmt: skip


@pytest.fixture(name="url", scope="module")
def _url(steady, on_a_port):
    """A host behind a real port, with a year of use, a package without any, a public page."""
    package = steady.add("year", events=dict(_demo.EVENTS))
    steady.add("empty")
    crowd = _demo.people(5, 60)
    with steady.host.database.write() as connection:
        _packages.survey(connection, "year", questions_of(_demo.SURVEY))
        _demo_host._agree(connection, package, crowd, 5, steady.clock())
        _public.publish(connection, package, on=True)
    _demo_host._Sender(steady.host.database, package.id, 5, steady.clock()).send(crowd)
    fold_all(steady.host.database)

    def app_of(address):
        steady.host = dataclasses.replace(steady.host, issuer=address)
        return make_app(steady.host)

    with on_a_port(app_of) as address:
        yield address


@pytest.fixture(name="install", scope="module")
def _install(url, steady):  # noqa: ARG001 - the year that it is in
    """The installation of the heaviest user of the year, who answered a survey; a token."""
    with steady.host.database.write() as connection:
        package = _packages.find(connection, "year")
        most = select(log.c.install).where(log.c.package == package.id).group_by(log.c.install)
        found = connection.scalar(most.order_by(func.count().desc()).limit(1))
        asked = [Question("role", "What do you do?", ("Research", "Teaching"))]
        _packages.survey(connection, "year", asked)
        answered = update(installs).where(installs.c.id == found)
        connection.execute(answered.values(survey='{"role": "Research"}'))
        family = _grants.Family(connection, found, bytes(16), steady.clock())
        family.open("usage:write usage:self")
        _api_tokens.add(connection, "ci of year", steady.clock(), packages=["year"], days=90)
        _api_tokens.add(connection, "site", steady.clock(), scope="admin")
    return found


@pytest.fixture
def open_page(chromium, url, steady, install):
    """Open a maintainer's page; every complaint of the browser counts."""
    contexts, complaints = [], []

    def open_page(path, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        with steady.host.database.write() as connection:
            link = new_link(connection, url, steady.clock())
            mine = _self_keys.new_link(connection, install, steady.clock())
        context.request.get(link, max_redirects=0)
        context.request.get(f"{url}/user/my-data?key={mine}", max_redirects=0)
        page.goto(url + path)
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("path", [*PAGES, *OTHERS])
def test_axe_finds_no_violation_in_either_theme(open_page, path):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(path, viewport={"width": 1280, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)  # axe-core, as the package carries it
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", [*PAGES, *OTHERS])
def test_no_page_is_wider_than_its_window_and_no_plot_cuts_its_texts(open_page, path):
    page = open_page(path)

    for width in (360, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(BROKEN) == []


def test_a_maintainer_filters_sorts_and_exports_without_javascript(open_page, url):
    page = open_page("/p/year", java_script_enabled=False, accept_downloads=True)
    page.get_by_role("link", name="Features", exact=True).click()
    page.get_by_label("Only users with").fill("python >= 3.11 and not os = Windows")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_text("Users and days on which").is_visible()
    page.get_by_role("link", name="a year").click()
    page.get_by_role("link", name="name", exact=True).click()
    page.get_by_text("Choose from what has been seen").click()
    page.get_by_label("Join by").select_option("and not")
    page.get_by_label("Condition").select_option(label="feature merge")
    page.get_by_role("button", name="Add").click()

    where = page.get_by_label("Only users with").input_value()
    shown = page.locator("section", has=page.get_by_role("heading", name="Features, by users"))
    shown.get_by_text("Table").click()
    first = shown.locator("tbody tr").first.inner_text().split("\t")
    address = shown.get_by_role("link", name="CSV of").get_attribute("href")
    lines = page.request.get(url + address).text().splitlines()

    assert where == "python >= 3.11 and not os = Windows and not feature = merge"
    assert page.url.endswith("#x-features") or "days=365" in page.url
    assert lines[0] == 'Feature,Users,"Share of users, %",Events'
    assert lines[1].split(",")[:2] == first[:2]
    names = [line.split(",")[0] for line in lines[1:]]
    assert names == sorted(names)


def test_the_keyboard_alone_reaches_the_answers(open_page):
    page = open_page("/p/year")

    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the answers"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.locator(":focus").evaluate("each => !!each.closest('main')")
    assert page.locator(":focus").evaluate("each => getComputedStyle(each).outlineStyle") != "none"


def test_paper_has_the_plots_and_not_the_controls(open_page):
    page = open_page("/p/year")

    page.emulate_media(media="print")

    assert page.locator("svg.plot").first.is_visible()
    assert not page.get_by_role("button", name="Show").is_visible()
    assert not page.get_by_role("link", name="CSV").first.is_visible()


@pytest.mark.parametrize("path", PAGES)
def test_no_open_table_is_cut_off_on_paper_or_on_a_phone(open_page, path):
    page = open_page(path, viewport={"width": 390, "height": 800})

    assert page.evaluate(CUT) == []
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert page.evaluate(CUT) == []


def test_paper_is_light_in_either_theme(open_page):
    page = open_page("/p/year", color_scheme="dark")
    ink = "getComputedStyle(document.body).color"
    assert page.evaluate(ink) == "rgb(232, 234, 237)"

    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate(ink) == "rgb(29, 33, 38)"


def test_paper_says_which_days_it_is_about(open_page):
    page = open_page("/p/year/drop?days=28")

    page.emulate_media(media="print")

    assert page.get_by_text("2026-05-05 to 2026-06-01").is_visible()
    assert not page.get_by_role("heading", name="What if we drop").is_visible()


def test_what_if_we_drop_is_answered_for_any_condition(open_page):
    page = open_page("/p/year/drop?days=365", java_script_enabled=False)

    page.get_by_label("Drop users with").fill("python < 3.12 or os = Windows")
    page.get_by_role("button", name="Count").click()

    heading = "If we drop python < 3.12 or os = Windows"
    assert page.get_by_role("heading", name=heading).is_visible()
    assert page.get_by_role("img", name=heading).is_visible()


def active_days(page):
    """Return the columns of the plot of active users as (label, what is told), by its table."""
    section = page.locator("section", has=page.get_by_role("heading", name="Active users"))
    return section.locator("svg.upright"), section.locator("details table")


def test_a_pointer_reads_a_plot_as_its_table_says_it(open_page):
    page = open_page("/p/year?days=28")
    plot, table = active_days(page)
    last = table.locator("tbody tr").first
    cells = last.evaluate("row => [...row.cells].map(cell => cell.textContent)")

    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 60)

    told = page.locator(".readout").inner_text()
    assert told.split("\n") == [
        cells[0],
        f"1 day {cells[1]}, 7 days {cells[2]}, 28 days {cells[3]}",
    ]
    assert plot.locator(".cursor").count() == 1
    page.mouse.move(2, 2)
    assert page.locator(".readout").is_hidden()
    assert plot.locator(".cursor").count() == 0


def test_days_are_picked_on_a_plot_by_a_pointer_or_by_keys(open_page):
    page = open_page("/p/year?days=28&where=os+%3D+Linux")
    plot, table = active_days(page)
    days = table.locator("tbody th").all_text_contents()
    box = plot.bounding_box()
    width = box["width"] / 480 * (480 - 44) / 27

    def of(place):
        return box["x"] + box["width"] - place * width

    page.mouse.move(of(9), box["y"] + 60)
    page.mouse.down()
    page.mouse.move(of(6), box["y"] + 60)
    page.mouse.move(of(3), box["y"] + 60)
    assert "show only these days" in page.locator(".readout").inner_text()
    with page.expect_navigation():
        page.mouse.up()
    assert f"from={days[9]}" in page.url
    assert f"to={days[3]}" in page.url
    assert "where=os" in page.url
    assert page.get_by_text(f"{days[9]} to {days[3]}", exact=True).is_visible()

    plot, _ = active_days(page)
    plot.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert f"from={days[5]}" in page.url
    assert f"to={days[3]}" in page.url


def test_a_week_picked_on_a_plot_ends_before_the_next(open_page):
    page = open_page("/p/year/versions?days=365")
    plot = page.locator("#x-adoption + p + svg, #x-adoption ~ svg.upright").first
    weeks = plot.evaluate(
        "plot => [...new Set([...plot.querySelectorAll('rect > title')]"
        ".map(title => title.textContent.slice(0, 10)))]"
    )

    plot.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert f"from={weeks[0]}" in page.url
    to = page.evaluate("new URLSearchParams(location.search).get('to')")
    assert (date.fromisoformat(weeks[2]) - date.fromisoformat(to)).days == 1


def test_a_filter_answers_while_it_is_written(open_page):
    page = open_page("/p/year/platforms?days=365")
    field = page.get_by_label("Only users with")
    pythons = page.locator("section", has=page.get_by_role("heading", name="Python", exact=True))
    before = pythons.locator("tbody th").all_text_contents()

    field.press_sequentially("python =")
    page.locator(".wrong:not(:empty)").first.wait_for()
    assert pythons.locator("tbody th").all_text_contents() == before
    assert [text for text in open_page.complaints if "400" not in text] == []
    open_page.complaints.clear()  # the browser's own line about that answer

    field.fill("os = Linux")
    page.get_by_text("Users and days on which").wait_for()
    systems = page.locator("#x-os ~ details tbody th").all_text_contents()
    assert systems == ["Linux"]
    assert page.locator(".wrong").first.inner_text() == ""
    assert "where=os+%3D+Linux" in page.url
    assert field.evaluate("each => each === document.activeElement")
    page.get_by_role("link", name="a year").click()
    assert page.get_by_label("Only users with").input_value() == "os = Linux"


def test_a_filter_says_when_the_host_cannot_answer(open_page):
    page = open_page("/p/year")
    busy = {"status": 503, "content_type": "text/html", "body": "<main><p>busy</p></main>"}
    page.route("**/p/year?*", lambda route: route.fulfill(**busy))

    page.get_by_label("Only users with").fill("os = Linux")

    page.get_by_text("busy").wait_for()
    assert page.locator("svg.plot").first.is_visible()
    assert [text for text in open_page.complaints if "503" not in text] == []
    open_page.complaints.clear()


def test_a_token_is_made_used_and_revoked_without_javascript(open_page, url):
    page = open_page("/admin/tokens", java_script_enabled=False)

    page.get_by_label("Name, such as").fill("mine")
    page.get_by_label("Only about these packages").fill("year")
    page.get_by_label("How long it lasts").select_option("30 days")
    page.get_by_role("button", name="Make the token").click()
    secret = page.get_by_role("status").locator("pre").inner_text()
    headers = {"Authorization": f"Bearer {secret}"}
    answer = page.request.get(f"{url}/api/stats/year/features", headers=headers)
    page.goto(f"{url}/admin/tokens")
    row = page.get_by_role("row", name="mine")

    assert answer.json()["rows"]
    assert "2026-06-01" in row.inner_text()
    assert secret not in page.content()
    row.get_by_role("button", name="Revoke mine").click()
    assert not page.get_by_role("row", name="mine").is_visible()
    assert page.request.get(f"{url}/api/stats/year/features", headers=headers).status == 401


def test_a_user_saves_stops_and_erases_without_javascript(chromium, url, steady):
    with steady.host.database.write() as connection:
        package = _packages.find(connection, "year")
        consent = _grants.Consent(package.id, "0" * 64, "1-0", steady.clock(), "browser")
        own = _grants.enrol(connection, consent)
        _grants.Family(connection, own, bytes(16), steady.clock()).open("usage:self")
        link = _self_keys.new_link(connection, own, steady.clock())
    context = chromium.new_context(java_script_enabled=False, accept_downloads=True)
    page = context.new_page()

    page.goto(f"{url}/user/my-data?key={link}")
    assert page.url == f"{url}/user/my-data"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all of it").click()
    assert '"kind": "install"' in download.value.path().read_text()
    page.get_by_role("button", name="Stop reports").click()
    assert page.get_by_text("nothing more is taken").is_visible()
    page.get_by_role("button", name="Erase everything").click()
    assert page.url == f"{url}/user/my-data"  # the box is to be ticked first
    page.get_by_label("Yes, erase everything").check()
    page.get_by_role("button", name="Erase everything").click()
    assert page.get_by_role("heading", name="was erased").is_visible()
    page.goto(f"{url}/user/my-data")
    assert page.get_by_role("heading", name="opens from your own computer").is_visible()
    context.close()
