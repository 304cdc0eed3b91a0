"""What a program pays that only might verify something."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["cryptography", "click", "importlib.metadata", "subprocess", "typing", "tempfile", "json"]


def _loaded(program: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={"ARGUMENTS": "\n".join(arguments)},
    )
    return set(done.stdout.split())


def _bare() -> str:
    """Make the packages findable without `site`, which imports more or less as it pleases."""
    import cryptography

    import otumat_sign

    places = {module.__path__[0].rsplit("/", 1)[0] for module in (otumat_sign, cryptography)}
    return f"import sys; sys.path += {sorted(places)!r}"


@pytest.mark.parametrize(
    "program",
    ["import otumat_sign", "import otumat_sign.exceptions; otumat_sign.SignError"],
    ids=["package", "exceptions"],
)
def test_the_import_loads_nothing_heavy(program):
    assert not _loaded(f"{_bare()}\n{program}") & set(HEAVY)


def test_hashing_loads_no_cryptography(tmp_path):
    (tmp_path / "x.py").write_bytes(b"")
    program = f"{_bare()}\nimport otumat_sign; otumat_sign.hash_pkg(pkgpath={str(tmp_path)!r})"

    assert not _loaded(program) & set(HEAVY)


def test_verifying_loads_only_what_cryptography_loads_itself(pair):
    from otumat_sign import sign

    signature = sign(privkey_path=pair().key, data="data")
    pieces = (
        "from cryptography.hazmat.primitives import hashes, serialization\n"
        "from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa\n"
    )
    verify = (
        "import otumat_sign\n"
        f"otumat_sign.verify(pubkey_path={str(pair().pub)!r}, data='data', "
        f"signature={signature!r})"
    )

    more = _loaded(f"{_bare()}\n{pieces}{verify}") - _loaded(f"{_bare()}\n{pieces}")

    assert {name.partition(".")[0] for name in more} <= {"otumat_sign", "binascii"}
    assert not more & {"importlib.metadata", "json", "re", "click", "subprocess"}
