"""Signatures are openssl's, both ways; every other text is refused."""

from __future__ import annotations

import base64
import os

import pytest
from cryptography.exceptions import InvalidSignature as CryptographyInvalidSignature
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_sign import (
    InvalidSignature,
    KeyNotFoundError,
    MalformedSignature,
    PassphraseError,
    SignatureMismatch,
    SignError,
    UnusableKeyError,
    sign,
    verify,
)
from otumat_sign._signature import decode, encode, sign_with

DATA = "21de3a7e942da457fb7c16666395b78ee75bbdf8"
KINDS = ["rsa", "ed25519", "ecdsa"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_is_verified_and_nothing_else(pair, kind):
    keys = pair(kind)
    signature = sign(privkey_path=keys.key, data=DATA)

    verify(pubkey_path=str(keys.pub), data=DATA, signature=signature)
    for other in (DATA[:-1], DATA + "\n", "", DATA.upper()):
        with pytest.raises(SignatureMismatch, match="not made over this content"):
            verify(pubkey_path=keys.pub, data=other, signature=signature)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_by_another_key_or_kind_of_key_is_refused(pair, kind):
    signature = sign(privkey_path=pair(kind).key, data=DATA)

    for other in KINDS:
        with pytest.raises(SignatureMismatch):
            verify(pubkey_path=pair(other, b"other").pub, data=DATA, signature=signature)


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_is_refused(pair, kind):
    raw = decode(sign(privkey_path=pair(kind).key, data=DATA))

    for bit in range(0, len(raw) * 8, 7):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureMismatch):
            verify(pubkey_path=pair(kind).pub, data=DATA, signature=encode(bytes(flipped)))


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_keys_without_chance_sign_the_same_twice(pair, kind):
    first, second = (sign(privkey_path=pair(kind).key, data=DATA) for _ in range(2))

    assert first == second


@pytest.mark.parametrize("signature", [None, "", "\n", " ", "\r\n\r\n", 5, b"AAAA"], ids=repr)
def test_no_signature_is_an_invalid_signature(pair, signature):
    with pytest.raises(MalformedSignature, match="no signature") as caught:
        verify(pubkey_path=pair().pub, data=DATA, signature=signature)

    assert isinstance(caught.value, CryptographyInvalidSignature)


RAW = bytes(range(256)) + bytes(128)
TEXT = base64.b64encode(RAW).decode()


def _columns(width, ending="\n"):
    return "".join(TEXT[at : at + width] + ending for at in range(0, len(TEXT), width))


@pytest.mark.parametrize(
    "text",
    [
        _columns(64),
        _columns(76),
        _columns(64, "\r\n"),
        _columns(64).rstrip("\n"),
        _columns(76, "\n\n"),
        "\n" + _columns(64) + "\n\n",
        "\r\n" + _columns(76, "\r\n\r\n"),
        TEXT,
        TEXT + "\n",
        TEXT + "\r\n",
    ],
    ids=[
        "64",
        "76",
        "crlf",
        "no end",
        "blank",
        "around",
        "blank crlf",
        "one",
        "one lf",
        "one crlf",
    ],
)
def test_layouts_of_base64_that_openssl_writes_or_mail_makes_are_read(text):
    assert decode(text) == RAW


@pytest.mark.parametrize(
    "text",
    [
        "AAA",
        "AAAA=",
        "AA==AA==",
        "AA=",
        "=AAA",
        "AB==",
        "AAB=",
        "AA\nAA!",
        "AA AA",
        " AAAA",
        "AAAA ",
        "AAAA\t",
        "AAAA\r",
        "AA\rAA",
        "AAAA\x0b",
        "AA-_",
        "# comment\nAAAA\n",
        "-----BEGIN X-----\nAAAA\n",
        "AAAA\n-----BEGIN OTUMAT SIGNATURE-----\nAAAA\n",
        "\uff21\uff21\uff21\uff21",
        "AAAA\0",
        "A" * 20000,
        "====",
    ],
    ids=repr,
)
def test_everything_else_is_malformed(pair, text):
    with pytest.raises(MalformedSignature) as caught:
        verify(pubkey_path=pair().pub, data=DATA, signature=text)

    assert isinstance(caught.value, ValueError)


@given(st.binary(min_size=1, max_size=600))
def test_encoding_is_what_decoding_reads(raw):
    text = encode(raw)

    assert decode(text) == raw
    assert all(len(line) <= 64 for line in text.splitlines())
    assert text.endswith("\n")


@given(st.one_of(st.text(), st.text("AQgw=+/\n\r -", max_size=80)))
def test_any_text_is_one_spelling_of_its_bytes_or_malformed(text):
    try:
        raw = decode(text)
    except MalformedSignature:
        return
    assert encode(raw).replace("\n", "") == text.replace("\r\n", "\n").replace("\n", "")


@settings(deadline=None)
@given(st.text(max_size=2000))
def test_any_text_as_signature_is_refused_as_one(pair, text):
    with pytest.raises(InvalidSignature):
        verify(pubkey_path=pair().pub, data=DATA, signature=text)


def test_a_missing_key_is_a_missing_file(tmp_path):
    for call in (
        lambda: sign(privkey_path=tmp_path / "no.pem", data=DATA),
        lambda: verify(pubkey_path=tmp_path / "no.pub", data=DATA, signature="AAAA"),
    ):
        with pytest.raises(FileNotFoundError, match=r"no key at .*no\.p"):
            call()


def test_existing_consumers_catch_every_refusal(pair, tmp_path):
    """The documented consumer of 0.3 catches exactly these two."""
    for signature, pub in ((None, pair().pub), ("AAAA", pair().pub), ("AAAA", tmp_path / "none")):
        with pytest.raises((FileNotFoundError, CryptographyInvalidSignature)):
            verify(pubkey_path=pub, data=DATA, signature=signature)


def test_a_passphrase_comes_from_the_environment_when_nothing_is_said(pair, monkeypatch):
    keys = pair("ed25519", b"secret")
    monkeypatch.setenv("OTUMAT_SIGN_PASSPHRASE", "secret")

    verify(pubkey_path=keys.pub, data=DATA, signature=sign(privkey_path=keys.key, data=DATA))


def test_a_wrong_or_missing_passphrase_is_said_to_be_that(pair, monkeypatch):
    keys = pair("rsa", b"secret")
    monkeypatch.setenv("P", "wrong")

    with pytest.raises(PassphraseError, match="does not open"):
        sign(privkey_path=keys.key, data=DATA, passphrase="env:P")
    with pytest.raises(PassphraseError, match="no terminal to ask at"):
        sign(privkey_path=keys.key, data=DATA)


class _Broken:
    """A signer whose halves do not belong together."""

    def __init__(self, pair):
        from otumat_sign._keys import PrivateKey

        pem = pair("ed25519").key.read_bytes()
        self._key = PrivateKey(pem, name="half", passphrase=lambda: b"")
        self._other = pair("ecdsa").pub.read_bytes()

    def sign(self, data):
        return self._key.sign(data)

    def public_pem(self):
        return self._other


def test_a_fresh_signature_that_does_not_verify_is_never_returned(pair):
    with pytest.raises(UnusableKeyError, match="its own public half refuses"):
        sign_with(_Broken(pair), DATA)


def test_every_refusal_has_one_base(pair, tmp_path):
    for error, call in {
        KeyNotFoundError: lambda: sign(privkey_path=tmp_path / "x", data=DATA),
        UnusableKeyError: lambda: sign(privkey_path=pair().pub, data=DATA),
        SignatureMismatch: lambda: verify(pubkey_path=pair().pub, data=DATA, signature="AAAA"),
    }.items():
        with pytest.raises(error) as caught:
            call()
        assert isinstance(caught.value, SignError)


# --- openssl itself ---

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


@pytest.mark.interop
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


@pytest.mark.interop
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


@pytest.mark.interop
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


@pytest.mark.interop
def test_our_salt_is_32_bytes_long(openssl, made, tmp_path):
    made("rsa")
    signature = sign(privkey_path=tmp_path / "pkcs8", data=DATA)
    (tmp_path / "raw").write_bytes(decode(signature))

    _openssl_verify(openssl, "rsa", "-sigopt", "rsa_pss_saltlen:32")
    _openssl_verify(openssl, "rsa", "-sigopt", "rsa_pss_saltlen:20", fails=True)


@pytest.mark.interop
def test_a_signature_with_another_padding_or_hash_is_refused(openssl, made, tmp_path):
    made("rsa")
    for options in (["-sha256"], ["-sha1", *_PSS], ["-sha512", *_PSS]):
        openssl("dgst", *options, "-sign", "pkcs8", "-out", "raw", "data")
        signature = openssl("enc", "-base64", "-in", "raw").decode()
        with pytest.raises(SignatureMismatch):
            verify(pubkey_path=tmp_path / "pub", data=DATA, signature=signature)


@pytest.mark.interop
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


@pytest.mark.interop
def test_a_certificate_is_told_from_a_key(openssl, made, tmp_path):
    made("rsa")
    openssl("req", "-x509", "-key", "pkcs8", "-subj", "/CN=x", "-out", "cert")

    with pytest.raises(UnusableKeyError, match="is a certificate: give its key"):
        verify(pubkey_path=tmp_path / "cert", data=DATA, signature="AAAA")


@pytest.mark.interop
def test_the_first_of_several_keys_counts_as_for_openssl(openssl, made, pair, tmp_path):
    made("rsa")
    both = b"valid-after: 2026-01-01\n" + (tmp_path / "pub").read_bytes() + pair().pub.read_bytes()
    (tmp_path / "pub").write_bytes(both)
    signature = sign(privkey_path=tmp_path / "pkcs8", data=DATA)
    (tmp_path / "raw").write_bytes(decode(signature))

    _openssl_verify(openssl, "rsa")
    verify(pubkey_path=tmp_path / "pub", data=DATA, signature=signature)


def test_a_key_in_the_environment_and_one_in_a_pipe_verify_too(pair, monkeypatch):
    signature = sign(privkey_path=pair().key, data=DATA)
    monkeypatch.setenv("PUB", pair().pub.read_text())
    reading, writing = os.pipe()
    os.write(writing, pair().pub.read_bytes())
    os.close(writing)

    verify(pubkey_path="env:PUB", data=DATA, signature=signature)
    verify(pubkey_path=f"fd:{reading}", data=DATA, signature=signature)
    os.close(reading)
