"""What a person sees, asked of a real Chromium: the consent page, the code page, the answers."""

import dataclasses
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from otumat_usage.host._app import make_app

pytestmark = [pytest.mark.browser, pytest.mark.service]


@pytest.fixture
def open_page(chromium):
    """Open pages in fresh profiles without JavaScript; every complaint of the browser counts."""
    contexts, complaints = [], []

    def open_page(**options):
        context = chromium.new_context(java_script_enabled=False, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def url(service, on_a_port):
    """The service behind a real port."""

    def app_of(address):
        service.host = dataclasses.replace(service.host, issuer=address)
        return make_app(service.host)

    with on_a_port(app_of) as address:
        yield address


@pytest.fixture(params=["127.0.0.1", "::1"])
def client(request):
    """A client's loopback listener, which notes what the browser brought it."""
    brought = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/done"):
                brought.append((self.command, self.path, dict(self.headers)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Back</title><link rel=icon href=data:,>")

        do_POST = do_GET  # noqa: N815 - the name the base class looks for

        def log_message(self, *_args):
            pass

    class Server(ThreadingHTTPServer):
        import socket

        address_family = socket.AF_INET6 if ":" in request.param else socket.AF_INET

    server = Server((request.param, 0), Handler)
    name = f"[{request.param}]" if ":" in request.param else request.param
    server.uri = f"http://{name}:{server.server_port}/done"
    server.brought = brought
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def consent(url, redirect_uri):
    query = {
        "response_type": "code",
        "client_id": "otumat-usage",
        "redirect_uri": redirect_uri,
        "state": "s-1",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "package": "demo",
    }
    return f"{url}/user/usage-install?{urlencode(query)}"


@pytest.mark.parametrize(("button", "key"), [("Yes, I agree", "code"), ("No", "error")])
def test_a_click_reaches_the_client(open_page, url, client, button, key):
    page = open_page()
    page.goto(consent(url, client.uri))

    page.get_by_role("button", name=button).click()

    page.wait_for_url("**/done?*")
    assert page.title() == "Back"
    ((command, path, headers),) = client.brought
    values = parse_qs(urlsplit(path).query)
    assert command == "GET"
    assert key in values
    assert (values["state"], values["iss"]) == (["s-1"], [url])
    assert "Referer" not in headers


def test_the_code_page_takes_a_typed_code(open_page, url, service):
    answer = service.browser.post(
        "/auth/device", data={"client_id": "otumat-usage", "package": "demo"}
    )
    code = answer.json()["user_code"]
    page = open_page()
    page.goto(f"{url}/device")

    page.get_by_label("Code").fill(code.lower())
    page.get_by_role("button", name="Continue").click()
    assert page.get_by_text(code).is_visible()
    page.get_by_role("button", name="Yes, I agree").click()

    assert page.get_by_role("heading", name="Thank you").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_dashboard_answers_without_javascript(open_page, url, service, scheme, width, tmp_path):
    from otumat_usage.host._admin import new_link

    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot", "plot", "fit"))
    with service.host.database.write() as connection:
        link = new_link(connection, url, service.clock())
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(link)

    page.get_by_role("link", name="demo").click()

    assert page.get_by_role("heading", name="demo", exact=True).is_visible()
    plot = page.get_by_role("img", name="Features by users")
    assert plot.is_visible()
    page.locator("section", has=plot).get_by_text("Table").click()
    assert page.get_by_role("rowheader", name="plot").first.is_visible()
    box = page.locator("main").bounding_box()
    assert box["x"] >= 0
    assert box["width"] <= width
    colour = page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    assert len(colour) > 10_000
