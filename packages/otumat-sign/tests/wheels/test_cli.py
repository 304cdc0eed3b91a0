"""The commands around wheels, as their users meet them: answers, exit codes, one line on stderr."""

from __future__ import annotations

import json

import pytest

from otumat_sign import check
from otumat_sign._keyring import identify, parse


def one_line(result):
    """Return the one line on stderr."""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


class TestSign:
    def test_signs_wheels_in_place_and_says_what_it_wrote(self, run, tmp_path, make_wheel, alice):
        wheel = make_wheel(tmp_path)

        first = run("sign", wheel, "-k", alice.key, "--pub", alice.pub)
        second = run("sign", wheel, "-k", alice.key, "--json")

        assert (first.exit_code, first.stderr) == (0, "")
        assert first.stdout == f"{wheel}: demo.pub, demo.sig, demo.manifest\n"
        assert json.loads(second.stdout) == {"path": str(wheel), "written": []}
        assert check(wheel, trusted=alice.pub)

    def test_lets_a_key_sign_that_never_sees_the_wheel(self, run, tmp_path, make_wheel, alice):
        wheel = make_wheel(tmp_path)
        out = tmp_path / "made" / "for it"

        assert run("sign", wheel, "--digest-out", out, "--pub", alice.pub).exit_code == 0
        assert not check(wheel, trusted=alice.pub)
        for path in sorted(out.iterdir()):
            from otumat_sign._signature import sign_with

            path.with_name(path.name + ".sig").write_text(
                sign_with(alice.private, path.read_text())
            )
        done = run(
            "sign", wheel, "--signature-in", out, "--signed-by", alice.pub, "--pub", alice.pub
        )

        assert (done.exit_code, done.stderr) == (0, "")
        assert check(wheel, trusted=alice.pub)

    @pytest.mark.interop
    def test_takes_what_openssl_signed(self, run, tmp_path, make_wheel, openssl, pairs):
        """The commands of the README, for the machine that has the key."""
        wheel, out = make_wheel(tmp_path), tmp_path
        run("sign", wheel, "--digest-out", out)
        for ending in ("digest", "manifest"):
            name = f"demo-1.0-py3-none-any.demo.{ending}"
            openssl(
                "dgst",
                "-sha256",
                "-sigopt",
                "rsa_padding_mode:pss",
                "-sign",
                str(pairs("rsa").key),
                "-out",
                "raw",
                name,
            )
            openssl("enc", "-base64", "-in", "raw", "-out", f"{name}.sig")

        done = run("sign", wheel, "--signature-in", out, "--signed-by", pairs("rsa").pub)

        assert (done.exit_code, done.stderr) == (0, "")
        assert check(wheel, trusted=pairs("rsa").pub)

    @pytest.mark.parametrize("what", ["another key", "another wheel", "nothing signed"])
    def test_refuses_signatures_for_something_else(
        self, run, tmp_path, make_wheel, alice, bob, what
    ):
        from otumat_sign._signature import sign_with

        wheel, out = make_wheel(tmp_path), tmp_path / "out"
        out.mkdir()
        run("sign", wheel, "--digest-out", out)
        if what != "nothing signed":
            for path in sorted(out.iterdir()):
                path.with_name(path.name + ".sig").write_text(
                    sign_with(bob.private, path.read_text())
                )
        if what == "another wheel":
            make_wheel(tmp_path, {"demo/__init__.py": b"other = 1\n"})
        before = wheel.read_bytes()

        signer = alice if what == "another key" else bob
        done = run("sign", wheel, "--signature-in", out, "--signed-by", signer.pub)

        assert done.exit_code == 2
        assert one_line(done)
        assert wheel.read_bytes() == before

    @pytest.mark.parametrize(
        "arguments",
        [
            ["a.whl"],
            ["a.whl", "-k", "key.pem", "--digest-out", "x"],
            ["a.whl", "--signature-in", "x"],
            ["folder", "--digest-out", "x"],
            ["a.whl", "folder", "-k", "key.pem"],
            ["a.whl", "-k", "key.pem", "-o", "x"],
        ],
        ids=str,
    )
    def test_says_which_options_go_together(self, run, arguments):
        result = run("sign", *arguments)

        assert result.exit_code == 2
        assert "(see --help)" in one_line(result)

    def test_says_that_a_wheel_is_none(self, run, tmp_path, alice):
        (tmp_path / "a.whl").write_bytes(b"none")

        result = run("sign", tmp_path / "a.whl", "-k", alice.key)

        assert result.exit_code == 2
        assert "not a wheel" in one_line(result)


class TestVerify:
    def test_says_yes(self, run, signed, site, alice):
        site(signed())

        result = run("verify", "demo", "-p", alice.pub)

        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"demo: trusted by {identify(alice.pem)[:16]} (demo)\n"

    def test_takes_the_keyring_of_a_base(self, run, signed, site, tmp_path, make_wheel, alice):
        site(signed())
        (tmp_path / "base").mkdir()
        site(
            make_wheel(
                tmp_path / "base", {"core.py": b""}, name="base", metadata={"core.pub": alice.pem}
            )
        )

        assert run("verify", "demo", "--trusted-by", "base").exit_code == 0

    def test_says_no_and_names_each_file(self, run, signed, site, alice):
        site(signed())
        (site / "demo/core.py").write_bytes(b"answer = 42\r\n")
        (site / "demo/evil.py").write_bytes(b"")

        result = run("verify", "demo", "-p", alice.pub)

        assert result.exit_code == 1
        assert result.stdout.splitlines() == [
            "  demo/core.py was changed (its line endings)",
            "  demo/evil.py was added",
        ]
        assert one_line(result).startswith("demo: modified: demo/core.py was changed")

    def test_tells_of_a_folder_without_a_signature_how_to_name_one(
        self, run, tmp_path, monkeypatch, alice
    ):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "demo").mkdir()

        result = run("verify", "./demo", "-p", alice.pub)

        assert result.exit_code == 1
        said = "./demo: unsigned: no signature lies beside demo; -s SIG -p PUB names one elsewhere"
        assert one_line(result) == said

    def test_tells_a_pipeline_everything(self, run, signed, site, alice):
        site(signed())
        (site / "demo/core.py").unlink()

        result = run("verify", "demo", "-p", alice.pub, "--json")

        told = json.loads(result.stdout)
        assert (result.exit_code, told["state"], told["verified"]) == (1, "modified", False)
        assert told["differences"] == [{"path": "demo/core.py", "kind": "removed", "why": ""}]
        assert (told["modules"], told["distribution"], told["version"]) == (["demo"], "demo", "1.0")

    def test_compares_byte_code_when_asked(self, run, signed, site, alice):
        site(signed())
        (site / "demo/__pycache__").mkdir()
        (site / "demo/__pycache__/evil.py").write_text("")

        assert run("verify", "demo", "-p", alice.pub).exit_code == 0
        assert run("verify", "demo", "-p", alice.pub, "--bytecode", "recompile").exit_code == 1

    def test_checks_a_release_with_or_without_the_key(
        self, run, signed, make_wheel, tmp_path, alice, bob
    ):
        one, two = signed(folder="one"), signed(folder="two", name="other", by=(alice, bob))
        plain = make_wheel(tmp_path)

        assert run("verify", "--require-signed", one, two).exit_code == 0
        assert run("verify", "--require-signed", one, two, "-p", alice.pub).exit_code == 0
        assert run("verify", "--require-signed", one, two, "-p", bob.pub).exit_code == 1
        result = run("verify", "--require-signed", one, plain)
        assert result.exit_code == 1
        assert one_line(result).startswith(f"{plain}: unsigned: ")

    def test_finds_a_wheel_that_was_changed_after_signing_without_any_key(
        self, run, signed, tmp_path
    ):
        import zipfile

        wheel = signed()
        changed = tmp_path / wheel.name
        with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(changed, "w") as target:
            for name in source.namelist():
                target.writestr(
                    name, b"evil = 1\n" if name == "demo/core.py" else source.read(name)
                )

        assert run("verify", "--require-signed", changed).exit_code == 1

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (["demo"], "give one of -p PUB and --trusted-by"),
            (["demo", "-p", "a", "--trusted-by", "b"], "give one of"),
            (["--require-signed", "demo"], "for wheels"),
            (["demo", "other", "-p", "a", "-s", "b"], "goes with one DIR"),
            (["nothing_here", "--trusted-by", "nothing_there"], "nothing_there"),
            (["nothing_here", "-p", "none.pub"], "no key at none.pub"),
        ],
        ids=str,
    )
    def test_says_in_one_line_what_it_cannot_do(self, run, arguments, why):
        result = run("verify", *arguments)

        assert result.exit_code == 2
        assert why in one_line(result)

    def test_names_the_folder_that_a_name_may_have_meant(self, run, tmp_path, monkeypatch, alice):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "plugin_of_mine").mkdir()

        result = run("verify", "plugin_of_mine", "-p", alice.pub)

        assert result.exit_code == 2
        assert one_line(result).endswith("the folder here is ./plugin_of_mine")

    def test_says_what_a_wrong_key_is(self, run, signed, alice):
        result = run("verify", signed(), "-p", alice.key)

        assert result.exit_code == 2
        assert "is a private key" in one_line(result)


class TestKeyring:
    def test_grows_revokes_and_is_listed(self, run, tmp_path, alice, bob):
        ring = tmp_path / "trusted.pub"

        run("keyring", "add", ring, alice.pub, "--comment", "Alice")
        run("keyring", "add", ring, bob.pub, "--valid-before", "2999-01-01", "--threshold", "2")
        run("keyring", "revoke", ring, identify(alice.pem)[:10])
        result = run("keyring", "list", ring)

        assert result.exit_code == 0
        head, first, second = result.stdout.splitlines()
        assert head == f"{ring}: 2 keys, threshold 2, min-scheme compat"
        assert first.startswith(f"{identify(alice.pem)[:16]}  revoked  revoked 20")
        assert first.endswith("  # Alice")
        assert second == f"{identify(bob.pem)[:16]}  valid  valid-before 2999-01-01T00:00:00Z"
        told = json.loads(run("keyring", "list", ring, "--json").stdout)
        assert [key["state"] for key in told["keys"]] == ["revoked", "valid"]

    def test_is_checked_for_enough_valid_keys(self, run, tmp_path, alice, bob):
        ring = tmp_path / "trusted.pub"
        run("keyring", "add", ring, alice.pub, "--min-scheme", "manifest")

        assert (
            run("keyring", "check", ring).stdout == f"{ring}: 1 key, 1 valid today, 1 must sign\n"
        )
        run("keyring", "revoke", ring, alice.pub)
        result = run("keyring", "check", ring)
        assert result.exit_code == 1
        assert one_line(result) == f"{ring}: 0 keys are valid today, 1 must sign"
        assert run("keyring", "add", ring, bob.pub).exit_code == 0
        assert run("keyring", "check", ring).exit_code == 0
        assert parse(ring.read_bytes(), "ring").min_scheme == "manifest"

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (["add", "RING", "ALICE"], "has the key"),
            (["add", "RING", "BOB", "--valid-after", "soon"], "is not a date"),
            (["add", "RING", "BOB", "--threshold", "3"], "threshold 3 is not"),
            (["add", "RING", "none.pub"], "no key at none.pub"),
            (["revoke", "RING", "0123"], "has no key"),
            (["list", "none.pub"], "no key at none.pub"),
            (["grow", "RING"], "No such command"),
        ],
        ids=str,
    )
    def test_stays_as_it_was_when_something_is_wrong(
        self, run, tmp_path, alice, bob, arguments, why
    ):
        ring = tmp_path / "trusted.pub"
        run("keyring", "add", ring, alice.pub)
        before = ring.read_bytes()
        places = {"RING": ring, "ALICE": alice.pub, "BOB": bob.pub}

        result = run("keyring", *(places.get(argument, argument) for argument in arguments))

        assert result.exit_code == 2
        assert why in one_line(result)
        assert ring.read_bytes() == before
