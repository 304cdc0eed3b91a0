"""The answers in a real Chromium: each page opened, filtered, exported; axe finds nothing."""

import dataclasses

import pytest

from otumat_usage.host import _catalogue, _demo, _demo_host, _public
from otumat_usage.host._admin import new_link
from otumat_usage.host._app import make_app
from otumat_usage.host._worker import fold_all

pytestmark = [pytest.mark.browser, pytest.mark.service]

#: The texts of plots that lie outside their frames, by more than rounding.
OUTSIDE = """[...document.querySelectorAll("svg.plot text")].filter(text => {
  const box = text.getBoundingClientRect()
  const frame = text.closest("svg").getBoundingClientRect()
  return box.left < frame.left - 4 || box.right > frame.right + 4
}).map(text => text.textContent)"""
PAGES = [f"/p/year/{key}".rstrip("/") for key in _catalogue.PAGES]
OTHERS = ["/", "/p/empty", "/p/year/privacy", "/p/year/consent", "/public/year", "/device"]


@pytest.fixture(name="url", scope="module")
def _url(steady, on_a_port):
    """A host behind a real port, with a year of use, a package without any, a public page."""
    package = steady.add("year", events=dict(_demo.EVENTS))
    steady.add("empty")
    crowd = _demo.people(5, 60)
    with steady.host.database.write() as connection:
        _demo_host._agree(connection, package, crowd, 5, steady.clock())
        _public.publish(connection, package, on=True)
    _demo_host._Sender(steady.host.database, package.id, 5, steady.clock()).send(crowd)
    fold_all(steady.host.database)

    def app_of(address):
        steady.host = dataclasses.replace(steady.host, issuer=address)
        return make_app(steady.host)

    with on_a_port(app_of) as address:
        yield address


@pytest.fixture
def open_page(chromium, url, steady):
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
        context.request.get(link, max_redirects=0)
        page.goto(url + path)
        return page

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


def test_what_if_we_drop_is_answered_for_any_condition(open_page):
    page = open_page("/p/year/drop?days=365", java_script_enabled=False)

    page.get_by_label("Drop users with").fill("python < 3.12 or os = Windows")
    page.get_by_role("button", name="Count").click()

    heading = "If we drop python < 3.12 or os = Windows"
    assert page.get_by_role("heading", name=heading).is_visible()
    assert page.get_by_role("img", name=heading).is_visible()
