"""A reader notes what is not as a page says, and ends what was begun."""

from __future__ import annotations

import pathlib

import pytest
from pages import Block
from pages._reader import read

pytestmark = pytest.mark.readme


def _block(text: str, language: str = "sh", not_run: str = "") -> Block:
    return Block(pathlib.Path("page.md"), 7, language, text, not_run)


def test_commands_share_a_folder_and_variables_and_a_line_may_go_on(tmp_path):
    page = [
        _block("mkdir here && cd here\nexport WORD=one\\\ntwo\n"),
        _block("$ echo $WORD in $(basename $PWD)\nonetwo in here\n", "console"),
    ]

    assert read(page, tmp_path, "") == []


@pytest.mark.parametrize(
    ("language", "text", "noted"),
    [
        ("sh", "true\nfalse  # no\n", "page.md:9 $ false"),
        ("given", "false\n", "page.md:8 $ false"),
        ("console", "$ echo 2\n1\n", "page.md:8 $ echo 2"),
        ("console", "$ false\n", "page.md:8 $ false"),
    ],
)
def test_what_fails_or_says_something_else_is_noted_with_its_line(tmp_path, language, text, noted):
    (failure,) = read([_block(text, language)], tmp_path, "")

    assert failure.startswith(noted)


def test_what_is_marked_is_not_run(tmp_path):
    assert read([_block("false\n", not_run="it is false")], tmp_path, "") == []


@pytest.mark.parametrize("end", ["signal.SIG_DFL", "lambda *_: sys.exit(3)"])
def test_a_server_is_begun_asked_and_must_end_as_it_was_told_to(tmp_path, end):
    (tmp_path / "a-host.py").write_text(
        "import http.server, signal, sys\n"
        f"signal.signal(signal.SIGTERM, {end})\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler)\n"
        "print(f'here: http://127.0.0.1:{server.server_port}', flush=True)\n"
        "server.serve_forever()\n"
    )
    page = [_block("python ../a-host.py\ntest -n $ADDRESS\n")]

    failures = read(page, tmp_path, "")

    assert [failure.splitlines()[-1] for failure in failures] == (
        [] if "DFL" in end else ["ended with 3"]
    )
