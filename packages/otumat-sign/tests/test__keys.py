"""Keys come from PEM of every shape, or not at all."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_sign import SignError, UnusableKeyError
from otumat_sign._keys import PrivateKey, PublicKey, generate
from otumat_sign._signature import decode, sign_with


def _never():
    pytest.fail("no passphrase was needed")


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ecdsa"])
@pytest.mark.parametrize("passphrase", [None, b"s\xc3\xa9cret"])
def test_a_new_pair_belongs_together(kind, passphrase):
    private, public = generate(kind, passphrase)

    key = PrivateKey(private, name="new", passphrase=lambda: passphrase or _never())
    assert key.public_pem() == public
    PublicKey(public, name="new").verify(key.sign(b"data"), b"data")
    assert (b"BEGIN ENCRYPTED PRIVATE KEY" in private) is (passphrase is not None)


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"", "not a private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is a public key"),
        (b"\x00\xff" * 100, "not a private key in PEM"),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "not a",
        ),
    ],
    ids=["empty", "no content", "public", "binary", "ssh"],
)
def test_what_is_no_private_key_is_named_with_the_reason(pem, says):
    with pytest.raises(UnusableKeyError, match=f"KEY.*{says}|KEY is {says}"):
        PrivateKey(pem, name="KEY", passphrase=_never)


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"", "not a public key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a public key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is a certificate"),
    ],
    ids=["empty", "no content", "certificate"],
)
def test_what_is_no_public_key_is_named_with_the_reason(pem, says):
    with pytest.raises(UnusableKeyError, match=says):
        PublicKey(pem, name="KEY")


def test_the_halves_are_told_apart(pair):
    with pytest.raises(UnusableKeyError, match="is a private key: give the public half"):
        PublicKey(pair().key.read_bytes(), name="KEY")
    with pytest.raises(UnusableKeyError, match="is a public key: signing needs the private half"):
        PrivateKey(pair().pub.read_bytes(), name="KEY", passphrase=_never)


_PEM_TEXT = st.lists(
    st.sampled_from(
        [
            b"-----BEGIN PUBLIC KEY-----\n",
            b"-----END PUBLIC KEY-----\n",
            b"-----BEGIN PRIVATE KEY-----\n",
            b"-----END PRIVATE KEY-----\n",
            b"-----BEGIN RSA PRIVATE KEY-----\n",
            b"-----END RSA PRIVATE KEY-----\n",
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
            b"-----END ENCRYPTED PRIVATE KEY-----\n",
            b"Proc-Type: 4,ENCRYPTED\n",
            b"DEK-Info: AES-128-CBC,00000000000000000000000000000000\n",
            b"MCowBQYDK2VwAyEA",
            b"AAAA",
            b"=",
            b"\n",
            b"-",
            b"\xff",
        ]
    ),
    max_size=12,
).map(b"".join)


@given(st.one_of(st.binary(), _PEM_TEXT))
def test_any_bytes_are_a_key_or_refused_as_one(data):
    with suppress(SignError):
        PublicKey(data, name="x")
    with suppress(SignError):
        PrivateKey(data, name="x", passphrase=lambda: b"secret")


@settings(deadline=None)
@given(data=st.data())
def test_any_damage_to_a_real_key_is_refused_or_harmless(pair, data):
    for kind in ("ed25519", "ecdsa"):
        pem = bytearray(pair(kind).pub.read_bytes())
        at = data.draw(st.integers(0, len(pem) - 1))
        pem[at] = data.draw(st.integers(0, 255))
        with suppress(UnusableKeyError):
            PublicKey(bytes(pem), name="x")


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_any_damage_to_a_private_key_is_refused_or_harmless(pair, data):
    for kind in ("ed25519", "ecdsa", "rsa"):
        pem = bytearray(pair(kind).key.read_bytes())
        at = data.draw(st.integers(0, len(pem) - 1))
        pem[at] = data.draw(st.integers(0, 255))
        with suppress(SignError):
            PrivateKey(bytes(pem), name="x", passphrase=lambda: b"x")


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_damaged_private_key_never_makes_a_wrong_signature(pair, data):
    """Keys are loaded without the expensive checks; what they sign is verified instead."""
    pem = bytearray(pair("rsa").key.read_bytes())
    at = data.draw(st.integers(0, len(pem) - 1))
    pem[at] = data.draw(st.sampled_from(b"ABCXYZabcxyz0189+/"))
    try:
        key = PrivateKey(bytes(pem), name="x", passphrase=_never)
        signature = sign_with(key, "data")
    except UnusableKeyError:
        return
    PublicKey(key.public_pem(), name="x").verify(decode(signature), b"data")


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_as_signature_are_refused(pair, raw):
    from otumat_sign import SignatureMismatch

    for kind in ("ed25519", "ecdsa", "rsa"):
        with pytest.raises(SignatureMismatch):
            PublicKey(pair(kind).pub.read_bytes(), name="x").verify(raw, b"data")
