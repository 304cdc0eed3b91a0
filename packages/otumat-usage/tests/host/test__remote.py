"""Laws of `report --url`: the same output as at the host, one line for what goes wrong."""

import http.server
import json
import os
import threading

import pytest
from click.testing import CliRunner

from otumat_usage.host import _api_tokens, _catalogue, _secrets
from otumat_usage.host._app import make_app
from otumat_usage.host.cli import report_command

pytestmark = pytest.mark.service  # a host behind a real port


@pytest.fixture(name="report")
def _report(service, on_a_port):
    """Run `report` twice: in the host's folder, and at its address with a token."""
    service.clock.at = _now()
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot", "fit", "fit"))
    other = service.enrol()
    service.upload(other, service.batch(other, "plot", context={"ci": True, "os": "Linux"}))
    folder = str(service.host.database.path.parent)
    with service.host.database.write() as connection:
        secret = _api_tokens.add(connection, "ci", service.clock(), packages=["demo"])

    def run(*args, env=None):
        done = CliRunner().invoke(report_command, args, env=env)
        return done.exit_code, done.stdout, done.stderr

    def report(*args):
        here = run(*args, "-d", folder)
        there = run(*args, "--url", address, "--token-env", "TOKEN", env={"TOKEN": secret})
        return here, there

    with on_a_port(lambda _address: make_app(service.host)) as address:
        yield report


def _now():
    import time

    return time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    "args",
    [[], ["--json"], ["os", "--csv"], ["never", "--days", "7"], ["--where", "os = Windows"],
     ["--ci"], ["ci", "features", "--ci", "--json"],
     [*_catalogue.EXHIBITS], [*_catalogue.EXHIBITS, "--json"]],
)  # fmt: skip
def test_a_host_elsewhere_reports_as_the_folder_does(report, args):
    here, there = report("demo", *args)

    assert here[0] == 0
    assert len(here[1]) > 20
    assert there == here


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["other"], "answered 403: the token 'ci' is for other packages"),
        (["demo", "nothing"], "answered 404: no answer 'nothing'"),
        (["demo", "--where", "x"], "answered 422: 'x' where one of"),
    ],
)
def test_what_a_host_refuses_is_one_line_and_code_two(report, args, said):
    code, out, error = report(*args)[1]

    assert (code, out) == (2, "")
    assert said in error
    assert error.count("\n") == 1


def test_a_token_can_come_from_a_file_descriptor(tmp_path):
    secret = _secrets.mint("pt", _secrets.new_id())
    (tmp_path / "token").write_text(secret + "\n")
    handle = os.open(tmp_path / "token", os.O_RDONLY)

    done = CliRunner().invoke(
        report_command, ["demo", "--url", "http://127.0.0.1:9", "--token-fd", str(handle)]
    )
    os.close(handle)

    assert done.exit_code == 2
    assert "cannot be reached" in done.stderr  # the token was read and taken


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--url", "http://usage.example.org", "--token-env", "GOOD"], "https origin"),
        (["--url", "https://u:p@usage.example.org", "--token-env", "GOOD"], "https origin"),
        (["--url", "http://127.0.0.1:9"], "--url needs --token-env"),
        (["--url", "http://127.0.0.1:9", "--token-env", "GOOD", "--token-fd", "3"], "one of them"),
        (["--url", "http://127.0.0.1:9", "--token-env", "NONE"], "NONE holds no token"),
        (["--url", "http://127.0.0.1:9", "--token-env", "BAD"], "no personal token"),
        (["--url", "http://127.0.0.1:9", "--token-fd", "99"], "descriptor 99 cannot be read"),
        (["--token-env", "GOOD"], "say which host"),
    ],
)
def test_no_token_leaves_for_the_wrong_place_or_is_taken_from_an_argument(args, said):
    env = {"GOOD": _secrets.mint("pt", _secrets.new_id()), "BAD": "hunter2"}

    done = CliRunner().invoke(report_command, ["demo", *args], env=env)

    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


EXHIBIT = {
    "name": "os",
    "title": "T",
    "note": "",
    "empty": "",
    "heads": ["A"],
    "rows": [{"A": "x"}],
}
STRANGE = [
    b"<html>", b"[]", b"{}", b'{"heads": 1}', json.dumps(EXHIBIT | {"heads": ["B"]}).encode(),
    json.dumps(EXHIBIT | {"rows": [{"A": {}}]}).encode(), b"[" * 100_000,
    b'{"x": ' * 5_000 + b"1" + b"}" * 5_000,
    b'{"per_active_day": null, "package": "p", "today": "2026-01-01", "installs": Infinity}',
]  # fmt: skip


@pytest.fixture(name="liar")
def _liar():
    """A server that says what it is told to."""

    class Handler(http.server.BaseHTTPRequestHandler):
        said = b""

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.said)))
            self.end_headers()
            self.wfile.write(self.said)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def ask(said, *args):
            Handler.said = said
            url = f"http://127.0.0.1:{server.server_port}"
            env = {"TOKEN": _secrets.mint("pt", _secrets.new_id())}
            words = ["demo", *args, "--url", url, "--token-env", "TOKEN"]
            return CliRunner().invoke(report_command, words, env=env)

        yield ask
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("said", STRANGE)
@pytest.mark.parametrize("args", [["os"], []])
def test_an_answer_that_is_no_report_is_one_line(liar, said, args):
    done = liar(said, *args)

    assert done.exit_code == 2
    assert "is it a usage host?" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_host_elsewhere_cannot_steer_the_terminal(liar):
    evil = EXHIBIT | {"title": "T\x1b[2J", "rows": [{"A": "\x9b31m\r\nx"}]}

    done = liar(json.dumps(evil).encode(), "os")

    assert done.exit_code == 0
    assert not set(done.stdout) & set("\x1b\x9b\r")
