"""Keyrings: what a line means, and that no line is passed over."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from otumat_sign import KeyringError
from otumat_sign._keyring import identify, parse
from otumat_sign._keys import PublicKey


@pytest.fixture
def text(alice, bob):
    return (
        "threshold: 2\nmin-scheme: manifest\n\n"
        f"# Alice, laptop\nvalid-after: 2026-01-01T00:00:00Z\n{alice.pem.decode()}\n"
        f"valid-before: 2027-01-01T00:00:00Z\nrevoked: 2026-06-01T12:00:00Z\n{bob.pem.decode()}"
    )


def utc(*numbers):
    return datetime(*numbers, tzinfo=timezone.utc)


class TestKeyring:
    def test_is_read_and_written_alike(self, text, alice):
        ring = parse(text.encode(), "demo.pub")

        assert (ring.threshold, ring.min_scheme) == (2, "manifest")
        first, second = ring.keys
        assert (first.valid_after, first.comments) == (utc(2026, 1, 1), ("Alice, laptop",))
        assert (second.valid_before, second.revoked) == (utc(2027, 1, 1), utc(2026, 6, 1, 12))
        assert ring.find(identify(alice.pem)[:12]) == first
        assert ring.encode().decode() == text

    def test_may_be_one_bare_public_key(self, alice):
        (key,) = parse(alice.pem, "demo.pub").keys

        assert (key.pem.encode(), key.objection(utc(1970, 1, 1))) == (alice.pem, None)

    def test_may_have_the_line_ends_of_windows(self, text):
        assert parse(text.replace("\n", "\r\n").encode(), "demo.pub") == parse(
            text.encode(), "demo.pub"
        )

    def test_knows_a_key_by_the_same_identity_in_either_form(self, pairs):
        public = serialization.load_pem_public_key(pairs("rsa").pem)
        pkcs1 = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)

        assert parse(pkcs1, "a").keys[0].identity == parse(pairs("rsa").pem, "b").keys[0].identity

    @pytest.mark.parametrize(
        ("when", "state"),
        [
            (utc(2025, 12, 31, 23, 59, 59), "expired"),
            (utc(2026, 1, 1), None),
            (utc(2026, 12, 31, 23, 59, 59), None),
            (utc(2027, 1, 1), "expired"),
        ],
    )
    def test_limits_a_key_to_its_days(self, alice, when, state):
        text = f"valid-after: 2026-01-01\nvalid-before: 2027-01-01\n{alice.pem.decode()}"
        (key,) = parse(text.encode(), "demo.pub").keys

        assert (key.objection(when) or [None])[0] == state

    def test_never_trusts_a_revoked_key_whenever_it_signed(self, alice):
        (key,) = parse(b"revoked: 2026-06-01\n" + alice.pem, "demo.pub").keys

        assert [key.objection(utc(year, 1, 1))[0] for year in (1990, 2040)] == ["revoked"] * 2

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace("revoked:", "reovked:"),
            lambda text: text.replace("revoked:", "Revoked:"),
            lambda text: text.replace("revoked:", "revoked"),
            lambda text: text.replace("2026-06-01T12:00:00Z", "June"),
            lambda text: text.replace("2026-06-01T12:00:00Z", "2026-06-01T12:00:00+02:00"),
            lambda text: text.replace("2026-06-01T12:00:00Z", ""),
            lambda text: text.replace("revoked", "threshold"),
            lambda text: text.replace("threshold: 2", "threshold: 3"),
            lambda text: text.replace("threshold: 2", "threshold: 0"),
            lambda text: text.replace("threshold: 2", "threshold: 2\nthreshold: 1"),
            lambda text: text.replace("manifest", "strict"),
            lambda text: text + text[text.rindex("-----BEGIN") :],
            lambda text: text + "revoked: 2026-01-01\n",
            lambda text: text.replace("-----END PUBLIC KEY-----", "", 1),
            lambda text: text.replace(
                "-----BEGIN PUBLIC KEY-----", " -----BEGIN PUBLIC KEY-----", 1
            ),
            lambda text: text[: text.index("-----BEGIN")],
            lambda _: "",
        ],
        ids=[
            "misspelt",
            "in capitals",
            "without a colon",
            "no date",
            "another time zone",
            "an empty date",
            "a threshold between keys",
            "a threshold above the keys",
            "a threshold of none",
            "two thresholds",
            "an unknown scheme",
            "a key twice",
            "a line after the last key",
            "a block without end",
            "an indented block",
            "no key",
            "nothing",
        ],
    )
    def test_with_a_line_that_is_not_understood_is_unusable(self, text, change):
        assert change(text) != text

        with pytest.raises(KeyringError, match=r"demo\.pub"):
            parse(change(text).encode(), "demo.pub")

    @settings(deadline=None)
    @given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
    def test_raises_only_its_own_error_on_anything_else(self, data):
        with pytest.raises(KeyringError):
            parse(data, "demo.pub")

    def test_is_for_0_3_and_cryptography_its_first_key(self, text, alice):
        assert PublicKey(text.encode(), name="demo.pub").pem() == alice.pem

    @pytest.mark.interop
    def test_is_for_openssl_its_first_key(self, tmp_path, openssl, text, alice):
        (tmp_path / "demo.pub").write_text(text)

        assert openssl("pkey", "-pubin", "-in", "demo.pub", "-pubout") == alice.pem
