"""Signatures and keys are openssl's, both ways."""

from __future__ import annotations

import pytest

from otumat_sign import SignatureMismatch, UnusableKeyError, sign, verify
from otumat_sign._signature import decode

pytestmark = pytest.mark.interop

DATA = "21de3a7e942da457fb7c16666395b78ee75bbdf8"
KINDS = ["rsa", "ed25519", "ecdsa"]
_MAKE = {
    "rsa": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["genpkey", "-algorithm", "ED25519"],
    "ecdsa": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
}
_PSS = ["-sigopt", "rsa_padding_mode:pss"]


def _openssl_sign(openssl, kind, key, *options):
    if kind == "ed25519":
        arguments = ["pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", "data", "-out", "raw"]
    else:
        pss = _PSS if kind == "rsa" else []
        arguments = ["dgst", "-sha256", "-sign", key, *pss, *options, "-out", "raw", "data"]
    openssl(*arguments)


def _openssl_verify(openssl, kind, *options, fails=False):
    if kind == "ed25519":
        ours = ["-sigfile", "raw", "-in", "data"]
        openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "pub", *ours, fails=fails)
    else:
        pss = _PSS if kind == "rsa" else []
        given = ["-signature", "raw", *pss, *options, "data"]
        openssl("dgst", "-sha256", "-verify", "pub", *given, fails=fails)


@pytest.fixture(name="made")
def _made(openssl, tmp_path):
    """Make a key with openssl in every PEM it knows; return the names of the private ones."""
    (tmp_path / "data").write_text(DATA)

    def make(kind):
        openssl(*_MAKE[kind], "-out", "pkcs8")
        openssl("pkey", "-in", "pkcs8", "-pubout", "-out", "pub")
        openssl("pkcs8", "-topk8", "-in", "pkcs8", "-passout", "pass:secret", "-out", "encrypted")
        names = ["pkcs8", "encrypted"]
        tool = {"rsa": "rsa", "ecdsa": "ec"}.get(kind)
        if tool:
            openssl(tool, "-in", "pkcs8", "-out", "traditional")
            protect = ["-aes128", "-passout", "pass:secret"]
            openssl(tool, "-in", "pkcs8", *protect, "-out", "traditional-encrypted")
            names += ["traditional", "traditional-encrypted"]
        if kind == "rsa":
            openssl("rsa", "-in", "pkcs8", "-traditional", "-out", "pkcs1")
            openssl("rsa", "-in", "pkcs8", "-RSAPublicKey_out", "-out", "pkcs1-pub")
            names.append("pkcs1")
        return names

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_verifies_ours_from_every_pem(openssl, made, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("P", "secret")
    for name in made(kind):
        signature = sign(privkey_path=tmp_path / name, data=DATA, passphrase="env:P")
        (tmp_path / "sig").write_text(signature, newline="")
        openssl("enc", "-base64", "-d", "-in", "sig", "-out", "raw")
        _openssl_verify(openssl, kind)

        assert openssl("enc", "-base64", "-in", "raw").decode() == signature
    (tmp_path / "data").write_text(DATA[:-1])
    _openssl_verify(openssl, kind, fails=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", [[], ["-A"]], ids=["64 columns", "one line"])
def test_we_verify_openssls_from_every_pem(openssl, made, tmp_path, kind, layout):
    made(kind)
    _openssl_sign(openssl, kind, "pkcs8")
    signature = openssl("enc", "-base64", *layout, "-in", "raw").decode()

    for pub in ["pub", *(["pkcs1-pub"] if kind == "rsa" else [])]:
        verify(pubkey_path=tmp_path / pub, data=DATA, signature=signature)
        with pytest.raises(SignatureMismatch):
            verify(pubkey_path=tmp_path / pub, data=DATA + " ", signature=signature)


@pytest.mark.parametrize("salt", ["0", "20", "32", "max", "digest"])
def test_we_verify_every_length_of_salt(openssl, made, tmp_path, salt):
    """openssl 1.1.1 and 3.0 sign with the longest salt, 3.1 and later with 32 bytes."""
    made("rsa")
    _openssl_sign(openssl, "rsa", "pkcs8", "-sigopt", f"rsa_pss_saltlen:{salt}")

    verify(
        pubkey_path=tmp_path / "pub",
        data=DATA,
        signature=openssl("enc", "-base64", "-in", "raw").decode(),
    )


def test_our_salt_is_32_bytes_long(openssl, made, tmp_path):
    made("rsa")
    signature = sign(privkey_path=tmp_path / "pkcs8", data=DATA)
    (tmp_path / "raw").write_bytes(decode(signature))

    _openssl_verify(openssl, "rsa", "-sigopt", "rsa_pss_saltlen:32")
    _openssl_verify(openssl, "rsa", "-sigopt", "rsa_pss_saltlen:20", fails=True)


def test_a_signature_with_another_padding_or_hash_is_refused(openssl, made, tmp_path):
    made("rsa")
    for options in (["-sha256"], ["-sha1", *_PSS], ["-sha512", *_PSS]):
        openssl("dgst", *options, "-sign", "pkcs8", "-out", "raw", "data")
        signature = openssl("enc", "-base64", "-in", "raw").decode()
        with pytest.raises(SignatureMismatch):
            verify(pubkey_path=tmp_path / "pub", data=DATA, signature=signature)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "1024 bits: at least 2048"),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "kind that is not accepted"),
        (["-algorithm", "X25519"], "kind that is not accepted"),
        (["-algorithm", "ED448"], "kind that is not accepted"),
    ],
    ids=["RSA-1024", "P-384", "X25519", "Ed448"],
)
def test_weak_and_unknown_keys_are_refused_on_both_sides(openssl, tmp_path, arguments, says):
    openssl("genpkey", *arguments, "-out", "key")
    openssl("pkey", "-in", "key", "-pubout", "-out", "pub")

    with pytest.raises(UnusableKeyError, match=says):
        sign(privkey_path=tmp_path / "key", data=DATA)
    with pytest.raises(UnusableKeyError, match=says):
        verify(pubkey_path=tmp_path / "pub", data=DATA, signature="AAAA")


def test_a_certificate_is_told_from_a_key(openssl, made, tmp_path):
    made("rsa")
    openssl("req", "-x509", "-key", "pkcs8", "-subj", "/CN=x", "-out", "cert")

    with pytest.raises(UnusableKeyError, match="is a certificate: give its key"):
        verify(pubkey_path=tmp_path / "cert", data=DATA, signature="AAAA")


def test_the_first_of_several_keys_counts_as_for_openssl(openssl, made, pair, tmp_path):
    made("rsa")
    both = b"valid-after: 2026-01-01\n" + (tmp_path / "pub").read_bytes() + pair().pub.read_bytes()
    (tmp_path / "pub").write_bytes(both)
    signature = sign(privkey_path=tmp_path / "pkcs8", data=DATA)
    (tmp_path / "raw").write_bytes(decode(signature))

    _openssl_verify(openssl, "rsa")
    verify(pubkey_path=tmp_path / "pub", data=DATA, signature=signature)
