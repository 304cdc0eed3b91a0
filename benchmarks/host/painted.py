"""Measure each page of the dashboard in a real Chromium: from the click to its first paint.

    nox -s bench -- host-painted [--data DIR] [--rounds 7] [--installs 400]
    nox -s bench -- host-painted --events 10M --installs 100000

Without a folder of a host's data the demo's year of use is taken, with `--events` the year of
`answers.py`. Each page is opened again and again, in turns; "answer" is what the server took
(navigation timing: request to last byte), "painted" is Chromium's first contentful paint since the
navigation began. "First" is of the first time that a server which has just started is asked for the
page, so that it works everything out; later it remembers what other pages have not pushed out.
Needs Chromium.
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
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from answers import number
from ending import heed_sigterm
from year import Year

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
    heed_sigterm()
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


def fill(folder: pathlib.Path, events: int | None, installs: int) -> None:
    """Make a host in *folder* with the demo's year of use, or with one of so many events."""
    if events is None:
        demo = ["demo", "-d", str(folder), "--installs", str(installs), "--no-serve"]
        subprocess.run([sys.executable, "-m", "otumat_usage.host", *demo], check=True)
        return
    from otumat_usage.host._database import Database
    from otumat_usage.host._rollups import rebuild
    from otumat_usage.host._worker import fold_all

    database = Database.create(folder)
    year = Year(database, events, installs, time.time_ns() // 1_000_000)
    year.write()
    rebuild(database, year.package.id)
    fold_all(database)
    database.close()


def pages_of(page: Page, url: str) -> list[str]:
    """Return every page of the first package, each about a year too."""
    page.goto(url)
    package = page.locator("a[href^='/p/']").first.get_attribute("href") or ""
    page.goto(url + package)
    found = page.locator("nav.pages a").evaluate_all("all => all.map(each => each.pathname)")
    return [path + query for path in found for query in ("", "?days=365")]


def measure(
    page: Page, url: str, paths: list[str], rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Open every page once and then *rounds* times, in turns."""
    seen: dict[str, list[dict[str, float]]] = {path: [] for path in paths}
    for _ in range(rounds + 1):
        for path in paths:
            page.goto(url + path)
            seen[path].append(page.evaluate(TIMES))
    return seen


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, help="a host's data folder")
    parser.add_argument("--events", type=number, help="take a year of so many events")
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
            fill(folder, options.events, options.installs)
        tool = stack.enter_context(sync_playwright())
        browser = tool.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        with served(folder) as (url, link):
            page.goto(link)
            paths = pages_of(page, url)
        with served(folder) as (url, link):  # which remembers nothing of these
            page.goto(link)
            seen = measure(page, url, paths, options.rounds)
        browser.close()
    print("| page | kB | answer ms: first | median | worst | painted ms: first | median | worst |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for path, times in seen.items():
        row = [times[0]["bytes"] / 1000]
        for what in ("answer", "painted"):
            first, *later = (each[what] for each in times)
            row += [first, statistics.median(later), max(later)]
        told = " | ".join(f"{value:.0f}" for value in row)
        print(f"| {path} | {told} |")


if __name__ == "__main__":
    main()
