"""Whose signature counts, when, and what is no signature."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from otumat_sign import Policy, check
from otumat_sign._keyring import identify
from otumat_sign._signature import sign_with

INFO = "demo-1.0.dist-info"


@pytest.fixture
def ring(tmp_path):
    """Write a keyring of key pairs, with lines before each."""

    def make(*pairs, head="", before=()):
        lines = dict(enumerate(before))
        path = tmp_path / "ring.pub"
        blocks = (f"{lines.get(n, '')}\n{pair.pem.decode()}" for n, pair in enumerate(pairs))
        path.write_text(f"{head}\n" + "".join(blocks))
        return path

    return make


class TestUntrusted:
    def test_key_that_nobody_trusts(self, signed, alice, bob):
        verdict = check(signed(by=(bob,)), trusted=alice.pub)

        assert (verdict.state, verdict.keys) == ("untrusted-key", ())

    def test_fewer_signers_than_the_threshold(self, signed, ring, alice, bob):
        trusted = ring(alice, bob, head="threshold: 2")

        verdict = check(signed(by=(alice,)), trusted=trusted)
        assert str(verdict) == "untrusted-key: 1 of the 2 trusted keys that it takes have signed"
        assert check(signed(by=(alice, bob), folder="both"), trusted=trusted)

    @pytest.mark.parametrize(
        ("line", "state"),
        [
            ("valid-before: 2020-01-01", "expired"),
            ("valid-after: 2999-01-01", "expired"),
            ("revoked: 2999-01-01", "revoked"),
            ("valid-after: 2020-01-01\nvalid-before: 2999-01-01", "trusted"),
        ],
    )
    @pytest.mark.parametrize("scheme", ["manifest", "compat"])
    def test_key_out_of_its_time(self, signed, site, ring, alice, line, state, scheme):
        site(signed())
        if scheme == "compat":
            (site / INFO / "demo.manifest").unlink()

        assert check("demo", trusted=ring(alice, before=[line])).state == state

    def test_key_counts_for_what_it_signed_before_it_expired(
        self, signed, monkeypatch, ring, alice
    ):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500000000")

        assert check(signed(), trusted=ring(alice, before=["valid-before: 2018-01-01"]))

    def test_rotation_trusts_the_new_key_beside_the_revoked_one(self, signed, ring, alice, bob):
        trusted = ring(alice, bob, before=["revoked: 2020-01-01"])

        assert check(signed(by=(alice,)), trusted=trusted).state == "revoked"
        assert check(signed(by=(alice, bob), folder="both"), trusted=trusted)

    def test_version_that_is_too_old(self, signed, alice):
        wheel = signed()
        now = datetime.now(timezone.utc)

        assert check(wheel, trusted=alice.pub, policy=Policy(not_before=now - timedelta(days=1)))
        late = check(wheel, trusted=alice.pub, policy=Policy(not_before=now + timedelta(days=1)))
        assert late.state == "expired"

    def test_scheme_below_the_one_that_the_keyring_demands(self, signed, site, ring, alice):
        """Who strips the manifest falls back to nothing."""
        site(signed())
        (site / INFO / "demo.manifest").unlink()

        assert check("demo", trusted=ring(alice))
        verdict = check("demo", trusted=ring(alice, head="min-scheme: manifest"))
        assert str(verdict) == "unsigned: it has no demo.manifest, which the keyring demands"


class TestInvalid:
    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("demo.manifest", lambda data: data.replace(b"version: 1.0", b"version: 1.1")),
            ("demo.manifest", lambda data: data.replace(b"created: 2", b"created: 3")),
            ("demo.manifest", lambda data: data[:-10]),
            ("demo.manifest", lambda data: data[: data.index(b"-----BEGIN")]),
            ("demo.manifest", lambda _: b""),
            ("demo.manifest", lambda _: b"otumat-manifest: 2\n"),
            ("demo.sig", lambda _: b""),
            ("demo.sig", lambda _: b"not base64\n"),
            ("demo.sig", lambda data: data[4:]),
        ],
        ids=[
            "another version",
            "another date",
            "cut off",
            "no block",
            "empty",
            "an unknown format",
            "empty sig",
            "no base64",
            "other base64",
        ],
    )
    def test_signature_that_is_none(self, signed, site, alice, name, change):
        site(signed())
        path = site / INFO / name
        path.write_bytes(change(path.read_bytes()))

        assert check("demo", trusted=alice.pub).state == "invalid"

    def test_block_under_a_trusted_name_that_it_did_not_make(self, signed, site, alice, bob):
        site(signed(by=(bob,)))
        path = site / INFO / "demo.manifest"
        path.write_text(path.read_text().replace(identify(bob.pem), identify(alice.pem)))

        assert check("demo", trusted=alice.pub).state == "invalid"

    @pytest.mark.parametrize(
        "options", [{"version": "2.0"}, {"name": "other"}], ids=["version", "distribution"]
    )
    def test_manifest_of_something_else(self, signed, site, alice, options):
        """A signed old version's files under a new version's name, or another's."""
        info = site(signed(**options))
        site(signed(folder="own"))
        for ending in ("sig", "manifest"):
            (site / INFO / f"demo.{ending}").write_bytes((info / f"demo.{ending}").read_bytes())
            (info / f"demo.{ending}").unlink()

        verdict = check("demo", trusted=alice.pub)

        assert verdict.state == "invalid"
        assert "is that of demo" in verdict.reasons[0]

    def test_signature_of_the_empty_package(self, signed, site, alice):
        """0.3 signed the hash of nothing; such a signature fits every package that is missing."""
        site(signed())
        (site / INFO / "demo.manifest").unlink()
        (site / INFO / "demo.sig").write_text(
            sign_with(alice.private, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
        )

        assert not check("demo", trusted=alice.pub)
