"""Run what needs more than Python, git and openssl: PostgreSQL, curl, a proxy, a unit.

The pages are read whole, so that what needs a server of its own stands where its reader meets it.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from pages import PAGES, ROOT, blocks, named
from pages._postgresql import running
from pages._reader import environment, free_port, read

pytestmark = [pytest.mark.operating, pytest.mark.timeout(600)]
WHEELHOUSE = os.environ.get("OTUMAT_WHEELHOUSE", "")
NEEDY = [page for page in PAGES if any(block.needs for block in blocks(page))]


@pytest.mark.parametrize("page", NEEDY, ids=named)
def test_the_blocks_that_need_more_do_what_the_page_says(page, tmp_path):
    here = blocks(page)
    needs = frozenset().union(*(block.needs for block in here))
    with contextlib.ExitStack() as stack:
        more = {}
        if "postgresql" in needs:
            more |= stack.enter_context(running())
        if "ssh-keygen" in needs:
            more |= _signing(tmp_path)
        assert read(here, tmp_path, WHEELHOUSE, more) == []


def _signing(tmp_path: pathlib.Path) -> dict[str, str]:
    """Return the settings of a git that signs with a key of ssh, as `git tag -s` asks for."""
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    settings = {
        "user.name": "A maintainer",
        "user.email": "me@example.org",
        "gpg.format": "ssh",
        "user.signingkey": f"{key}.pub",
    }
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env


@pytest.fixture(name="host")
def _host(tmp_path):
    """A host that trusts its proxy and is known as usage.example.org; yields its address."""
    env = environment(tmp_path / "a-home", scripts=str(pathlib.Path(sys.executable).parent))
    init = ["otumat-usage", "host", "init", "--url", "https://usage.example.org"]
    subprocess.run(init, cwd=tmp_path, env=env, check=True, capture_output=True)
    serve = ["otumat-usage", "host", "serve", "--trust-proxy", "127.0.0.1", "--access-log"]
    with subprocess.Popen(
        serve, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def test_systemd_takes_the_unit(tmp_path):
    (block,) = (b for b in blocks(ROOT / "docs/operating.md") if b.language == "ini")
    program = pathlib.Path(sys.executable).with_name("otumat-usage")
    unit = tmp_path / "otumat-host.service"
    unit.write_text(block.text.replace("/opt/otumat/bin/otumat-usage", str(program)))

    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )

    assert str(program) in unit.read_text()
    assert done.returncode == 0, done.stderr
    assert "otumat-host.service" not in done.stderr


def test_nginx_takes_the_server_block_and_passes_on_what_the_host_needs(host, tmp_path):
    """The block as it stands, but for the addresses and the certificate, which are the reader's."""
    (block,) = (b for b in blocks(ROOT / "docs/operating.md") if b.language == "nginx")
    port = free_port()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=usage.example.org", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    own = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/letsencrypt/live/usage.example.org/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/usage.example.org/privkey.pem": str(key),
        "http://127.0.0.1:8080": host,
    }
    server = block.text
    for place, mine in own.items():
        assert place in server
        server = server.replace(place, mine)
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{\n{temporary}{server}}}\n"
    )
    nginx = [_nginx(), "-p", tmp_path, "-c", config]
    tested = subprocess.run([*nginx, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr

    with subprocess.Popen(nginx, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            answers = {path: _asked(port, path) for path in ("/readyz", "/openapi.json")}
            strange = _asked(port, "/openapi.json", name="elsewhere.example.org")
        finally:
            process.send_signal(signal.SIGQUIT)

    assert answers == {"/readyz": 200, "/openapi.json": 200}
    assert strange == 400


def _nginx() -> str:
    """Return nginx, which Debian keeps where only root looks."""
    found = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    assert found, "no nginx: install the Debian package nginx-light"
    return found


def _asked(port: int, path: str, name: str = "usage.example.org") -> int:
    """Return the status of the answer of the proxy at *port*."""
    trusting = ssl._create_unverified_context()  # the certificate is for another name
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers={"Host": name})
    try:
        with urllib.request.urlopen(request, context=trusting, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _wait_for(port: int) -> None:
    """Return when somebody listens at *port*."""
    until = time.monotonic() + 60
    with contextlib.closing(socket.socket()) as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < until, "nginx does not listen"
            time.sleep(0.02)
