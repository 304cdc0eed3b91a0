"""Stand in for a person with a browser: open the consent page, press "yes", follow the answer.

`BROWSER` points here during the demo, so that the real page, its cookie, its hidden fields and the
real redirect to the waiting program are used; only the eyes and the finger are missing.
"""

from __future__ import annotations

import html.parser
import http.cookiejar
import sys
import urllib.parse
import urllib.request


class Form(html.parser.HTMLParser):
    """Collect where the page's form goes and what its hidden fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the form's address and its hidden fields."""
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        if tag == "input" and given.get("type") == "hidden":
            self.fields[given.get("name") or ""] = given.get("value") or ""


def main(address: str) -> None:
    """Open *address*, submit its form with a yes, and follow where that leads."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),  # the host is on this machine
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
    )
    form = Form()
    with opener.open(address, timeout=20) as page:
        form.feed(page.read().decode())
    answer = urllib.parse.urlencode(form.fields | {"decision": "yes"}).encode()
    target = urllib.parse.urljoin(address, form.action or address)
    with opener.open(urllib.request.Request(target, data=answer), timeout=20) as done:
        done.read()


main(sys.argv[1])
