"""Where the host cannot prove who it is, nothing is said to it, and nothing is lost."""

import random

import pytest

from otumat_usage import _upload

pytestmark = [pytest.mark.fault, pytest.mark.service]
WRONG = ["wrong name", "stranger", "not TLS", "cut", "hangs"]


@pytest.mark.parametrize("name", WRONG)
def test_a_host_that_cannot_be_trusted_hears_nothing(
    name, seed, lab, proxy, certificates, monkeypatch
):
    monkeypatch.setattr(_upload, "DEADLINE", 3.0)
    proxy.origin = f"https://127.0.0.1:{proxy.port}"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["right"][1]))
    lab.enrol()
    lab.record(random.Random(seed).randrange(1, 60))
    proxy.secure = lambda connection: _spoiled(name, connection, proxy, certificates)
    outcome = lab.upload()

    assert outcome.why.startswith(proxy.origin)
    assert outcome.waiting == len(lab.events)
    assert proxy.requests == []
    proxy.release.set()
    proxy.secure = lambda connection: _spoiled("right", connection, proxy, certificates)
    assert (lab.upload().waiting, lab.counted()) == (0, lab.events)


def _spoiled(name, connection, proxy, certificates):
    if name == "cut":
        connection.close()
        return connection
    if name == "hangs":
        proxy.release.wait(30)
    if name in certificates:
        context, _ = certificates[name]
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    return connection
