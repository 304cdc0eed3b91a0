"""Measure each page of the dashboard in a real Chromium: from the click to its first paint.

    nox -s bench -- host-painted [--data DIR] [--rounds 7] [--installs 400]

Without a folder of a host's data a made-up year of use is taken. Each page is opened again and
again, in turns; "answer" is what the server took (navigation timing: request to last byte),
"painted" is Chromium's first contentful paint since the navigation began. Needs Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    from playwright.sync_api import Page

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
         "--disable-component-update", "--no-first-run")  # fmt: skip
#: Waits for the paint, then takes both times from the browser's own clock, in ms.
TIMES = """async () => {
  const paint = () => performance.getEntriesByName("first-contentful-paint")[0]
  while (!paint()) await new Promise(done => setTimeout(done, 5))
  const page = performance.getEntriesByType("navigation")[0]
  return {answer: page.responseEnd - page.requestStart, painted: paint().startTime,
          bytes: page.encodedBodySize}
}"""


@contextlib.contextmanager
def served(folder: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Serve *folder*; yield its address and a link that lets the maintainer in."""
    ready = folder.parent / "ready.json"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "otumat_usage.host"]
    options = ["-d", str(folder), "--port", "0", "--ready-file", str(ready)]
    server = subprocess.Popen([*command, "serve", *options], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if ready.exists():
                break
            del line
        url = json.loads(ready.read_text())["url"]
        link = subprocess.run(
            [*command, "admin-link", "-d", str(folder)], capture_output=True, text=True, check=True
        ).stdout
        found = next(word for word in link.split() if "key=" in word)
        yield url, urljoin(url, found[found.index("/admin") :])
    finally:
        server.terminate()
        server.wait()


def pages_of(page: Page, url: str) -> list[str]:
    """Return the addresses of every page of the first package, each about a year too."""
    page.goto(url)
    package = page.locator("a[href^='/p/']").first.get_attribute("href") or ""
    page.goto(url + package)
    found = page.locator("nav.pages a").evaluate_all("all => all.map(each => each.pathname)")
    return [url + path + query for path in found for query in ("", "?days=365")]


def measure(page: Page, addresses: list[str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Open every address *rounds* times, in turns, after one round that does not count."""
    seen: dict[str, list[dict[str, float]]] = {address: [] for address in addresses}
    for number in range(rounds + 1):
        for address in addresses:
            page.goto(address)
            times = page.evaluate(TIMES)
            if number:
                seen[address].append(times)
    return seen


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, help="a host's data folder")
    parser.add_argument("--installs", type=int, default=400, help="people of the made-up year")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("OTUMAT_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        sys.exit("this needs `chromium`: install it (Debian: apt install chromium)")
    with contextlib.ExitStack() as stack:
        folder = options.data
        if folder is None:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / "host"
            demo = ["demo", "-d", str(folder), "--installs", str(options.installs), "--no-serve"]
            subprocess.run([sys.executable, "-m", "otumat_usage.host", *demo], check=True)
        url, link = stack.enter_context(served(folder))
        tool = stack.enter_context(sync_playwright())
        browser = tool.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(link)
        seen = measure(page, pages_of(page, url), options.rounds)
        browser.close()
    print("| page | kB | answer ms, median | answer ms, worst | painted ms, median | worst |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for address, times in seen.items():
        row = [times[0]["bytes"] / 1000]
        for what in ("answer", "painted"):
            values = [each[what] for each in times]
            row += [statistics.median(values), max(values)]
        told = " | ".join(f"{value:.0f}" for value in row)
        print(f"| {address.removeprefix(url)} | {told} |")


if __name__ == "__main__":
    main()
