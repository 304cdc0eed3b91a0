"""What is signed is verified, and every other text is refused."""

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


def test_a_key_in_the_environment_and_one_in_a_pipe_verify_too(pair, monkeypatch):
    signature = sign(privkey_path=pair().key, data=DATA)
    monkeypatch.setenv("PUB", pair().pub.read_text())
    reading, writing = os.pipe()
    os.write(writing, pair().pub.read_bytes())
    os.close(writing)

    verify(pubkey_path="env:PUB", data=DATA, signature=signature)
    verify(pubkey_path=f"fd:{reading}", data=DATA, signature=signature)
    os.close(reading)
