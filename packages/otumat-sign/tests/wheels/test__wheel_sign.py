"""Signing a finished wheel: what it gets, what it keeps, and when it is left alone."""

from __future__ import annotations

import base64
import csv
import hashlib
import zipfile

import pytest

from otumat_sign import SignatureMismatch, WheelError, hash_pkg, verify
from otumat_sign._manifest import parse
from otumat_sign._wheel_sign import sign_wheel


def entries(path):
    """Return every entry's header bytes and packed data, read without our own reader."""
    found = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        members = archive.infolist()
        ends = [m.header_offset for m in members[1:]] + [archive.start_dir]
        for member, end in zip(members, ends, strict=True):
            file.seek(member.header_offset)
            found[member.filename] = file.read(end - member.header_offset)
    return found


def record(path):
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/RECORD")]
        return list(csv.reader(archive.read(name).decode().splitlines()))


def content(path, name):
    with zipfile.ZipFile(path) as archive:
        (member,) = [member for member in archive.namelist() if member.endswith(name)]
        return archive.read(member)


def with_record(sound, change):
    """Write the wheel *sound* again with another RECORD; return where."""
    wheel = sound.parent / "other" / sound.name
    wheel.parent.mkdir()
    with zipfile.ZipFile(sound) as source, zipfile.ZipFile(wheel, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            target.writestr(entry, change(data) if entry.filename.endswith("RECORD") else data)
    return wheel


class TestSignWheel:
    def test_adds_a_signature_a_manifest_and_the_keyring(self, tmp_path, make_wheel, alice):
        wheel = make_wheel(tmp_path)

        written = sign_wheel(wheel, key=alice.private, public=alice.pem)

        assert sorted(written) == ["demo.manifest", "demo.pub", "demo.sig"]
        assert content(wheel, "demo.pub") == alice.pem

    def test_keeps_the_bytes_of_every_other_entry(self, tmp_path, make_wheel, alice):
        wheel = make_wheel(tmp_path, executable=("demo/core.py",))
        before = entries(wheel)

        sign_wheel(wheel, key=alice.private)

        after = entries(wheel)
        assert {name: after[name] for name in before if name != "demo-1.0.dist-info/RECORD"} == {
            name: span for name, span in before.items() if name != "demo-1.0.dist-info/RECORD"
        }

    def test_leaves_record_right_and_last(self, tmp_path, make_wheel, alice):
        wheel = make_wheel(tmp_path)

        sign_wheel(wheel, key=alice.private, public=alice.pem)

        rows = record(wheel)
        with zipfile.ZipFile(wheel) as archive:
            assert archive.testzip() is None
            assert archive.namelist()[-1] == rows[-1][0] == "demo-1.0.dist-info/RECORD"
            assert [row[0] for row in rows] == archive.namelist()
            for name, value, size in rows[:-1]:
                data = archive.read(name)
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
                assert (value, size) == (f"sha256={digest.decode()}", str(len(data)))

    def test_keeps_the_rows_and_the_ends_of_lines_of_record(self, tmp_path, make_wheel, alice):
        """A backend may write CRLF, as Python's csv does by default, and leave lines empty."""
        wheel = with_record(
            make_wheel(tmp_path), lambda data: data.replace(b"\n", b"\r\n", 1) + b"\r\n"
        )
        before = content(wheel, "RECORD").split(b"\r\n")[0]

        sign_wheel(wheel, key=alice.private)

        rows = content(wheel, "RECORD").split(b"\r\n")
        assert rows[0] == before
        assert rows[-2:] == [b"demo-1.0.dist-info/RECORD,,", b""]
        assert not any(b"\n" in row or not row for row in rows[:-1])

    def test_gives_what_it_adds_the_date_of_record_and_marks_names_that_need_it(
        self, tmp_path, make_wheel, alice
    ):
        """Bit 11 says that a name is UTF-8; without it a reader takes it for code page 437."""
        wheel = make_wheel(tmp_path, {"demo/__init__.py": b"", "größe.py": b""})

        sign_wheel(wheel, key=alice.private)

        with zipfile.ZipFile(wheel) as archive:
            added = {entry.filename.rpartition("/")[2]: entry for entry in archive.infolist()}
        marked = {name: bool(added[name].flag_bits & 0x800) for name in ("demo.sig", "größe.sig")}
        assert marked == {"demo.sig": False, "größe.sig": True}
        assert {entry.date_time for entry in added.values()} == {(2020, 2, 2, 0, 0, 0)}

    def test_signs_what_an_installer_lays_out(self, tmp_path, signed, unpack, alice):
        """The signature is over `hash_pkg` of the installed folder, x bits included."""
        wheel = signed(executable=("demo/core.py",))
        unpack(wheel, tmp_path / "site")

        verify(
            pubkey_path=alice.pub,
            data=hash_pkg(pkgpath=tmp_path / "site/demo"),
            signature=content(wheel, "demo.sig").decode(),
        )
        manifest = parse(content(wheel, "demo.manifest"), "demo")
        assert manifest.tree == hash_pkg(pkgpath=tmp_path / "site/demo", algorithm="sha256")

    def test_names_every_file_but_record_and_signatures(self, signed, alice):
        wheel = signed(metadata={"entry_points.txt": b"[a]\nb = demo\n"}, public=alice.pem)

        manifest = parse(content(wheel, "demo.manifest"), "demo")

        with zipfile.ZipFile(wheel) as archive:
            hashes = {
                name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()
            }
        for name in ("RECORD", "demo.sig", "demo.manifest"):
            del hashes[f"demo-1.0.dist-info/{name}"]
        assert manifest.files == hashes
        assert {
            "demo-1.0.dist-info/demo.pub",
            "demo-1.0.dist-info/entry_points.txt",
        } < hashes.keys()

    @pytest.mark.parametrize("kind", ["alice", "rsa", "ecdsa"])
    def test_leaves_a_wheel_alone_that_this_key_has_signed(self, signed, pairs, kind):
        wheel = signed(by=(pairs(kind),))
        before = wheel.read_bytes()

        assert sign_wheel(wheel, key=pairs(kind).private) == []
        assert wheel.read_bytes() == before

    @pytest.mark.parametrize("kind", ["alice", "ecdsa"])
    def test_gives_the_same_bytes_twice(self, signed, monkeypatch, pairs, kind):
        """Under SOURCE_DATE_EPOCH and with a deterministic signature."""
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

        one, two = (signed(by=(pairs(kind),), folder=folder) for folder in ("one", "two"))

        assert one.read_bytes() == two.read_bytes()
        assert b"created: 2023-11-14T22:13:20Z\n" in content(one, "demo.manifest")

    def test_differs_in_nothing_but_the_signature_under_rsa(self, signed, monkeypatch, pairs):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

        one, two = (signed(by=(pairs("rsa"),), folder=folder) for folder in ("one", "two"))

        salted = {"demo.sig", "demo.manifest", "RECORD"}
        differing = {name for name, span in entries(one).items() if entries(two)[name] != span}
        assert {name.rpartition("/")[2] for name in differing} == salted
        first, second = (parse(content(path, "demo.manifest"), "demo") for path in (one, two))
        assert first.text() == second.text()

    def test_a_second_signer_adds_a_block(self, signed, alice, bob):
        wheel = signed(by=(alice, bob))

        blocks = parse(content(wheel, "demo.manifest"), "demo").blocks

        assert len({block.key for block in blocks}) == 2
        before = wheel.read_bytes()
        assert sign_wheel(wheel, key=alice.private) == []
        assert wheel.read_bytes() == before

    def test_drops_what_was_signed_over_other_content(
        self, tmp_path, signed, make_wheel, alice, bob
    ):
        old = signed(by=(bob,))
        stale = {name: content(old, name) for name in ("demo.sig", "demo.manifest")}
        (tmp_path / "new").mkdir()
        wheel = make_wheel(tmp_path / "new", {"demo/__init__.py": b"new = 1\n"}, metadata=stale)

        sign_wheel(wheel, key=alice.private)

        assert len(parse(content(wheel, "demo.manifest"), "demo").blocks) == 1
        with pytest.raises(SignatureMismatch):
            bob.public.verify(
                base64.b64decode(content(wheel, "demo.sig")), hash_of(wheel, tmp_path).encode()
            )

    def test_removes_signatures_when_it_has_no_key(self, tmp_path, make_wheel, alice):
        """Also the one that 0.3 named by the distribution."""
        stale = dict.fromkeys(("demo.sig", "demo.manifest", "my_demo.sig"), b"stale\n")
        wheel = make_wheel(tmp_path, name="my_demo", metadata=stale | {"other.sig": b"not ours\n"})

        sign_wheel(wheel, public=alice.pem)

        names = {row[0].removeprefix("my_demo-1.0.dist-info/") for row in record(wheel)}
        assert "other.sig" in names
        assert not names & stale.keys()

    def test_signs_each_top_level_package_and_module(self, signed):
        wheel = signed(
            {
                "one/__init__.py": b"",
                "two.py": b"two = 2\n",
                "three.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
                "space/part/__init__.py": b"",
                "space/other.py": b"",
                "demo-1.0.data/purelib/four.py": b"four = 4\n",
                "demo-1.0.data/scripts/demo": b"#!python\n",
                "data/table.csv": b"",
            }
        )

        names = {row[0].removeprefix("demo-1.0.dist-info/") for row in record(wheel)}
        modules = ["one", "two", "three", "four", "space.part", "space.other"]
        assert {name for name in names if name.endswith((".sig", ".manifest"))} == {
            f"{module}{ending}" for module in modules for ending in (".sig", ".manifest")
        }
        manifest = parse(content(wheel, "four.manifest"), "four")
        assert {"four.py", "demo-1.0.data/scripts/demo", "data/table.csv"} < manifest.files.keys()

    def test_keeps_the_mode_and_replaces_atomically(self, tmp_path, make_wheel, alice):
        wheel = make_wheel(tmp_path)
        wheel.chmod(0o640)
        reader = wheel.open("rb")

        sign_wheel(wheel, key=alice.private)

        with reader:
            assert b"demo.sig" not in reader.read()
        assert wheel.stat().st_mode & 0o777 == 0o640
        assert [path.name for path in tmp_path.iterdir()] == [wheel.name]

    @pytest.mark.parametrize(
        ("files", "why"),
        [
            ({"data/table.csv": b""}, "it installs no module"),
            (
                {"a/__init__.py": b"", "demo-1.0.data/purelib/a/__init__.py": b"2"},
                "installed as a/",
            ),
            ({"a/.git/config": b"", "a/__init__.py": b""}, "git refuses"),
        ],
        ids=["no module", "one path twice", "a name git refuses"],
    )
    def test_refuses_what_it_cannot_sign(self, tmp_path, make_wheel, alice, files, why):
        wheel = make_wheel(tmp_path, files)
        before = wheel.read_bytes()

        with pytest.raises(ValueError, match=why):
            sign_wheel(wheel, key=alice.private)
        assert wheel.read_bytes() == before

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            (b"demo/core.py,", b"demo/gone.py,", "does not list demo/core.py"),
            (b"sha256=", b"sha256=A", "another hash of"),
            (
                b"demo-1.0.dist-info/RECORD,,\n",
                b"demo-1.0.dist-info/RECORD,,\nx.py,,\n",
                "lists x.py",
            ),
            (b"demo/core.py,", b"demo/\xffcore.py,", "RECORD is not UTF-8"),
        ],
        ids=["unlisted", "another hash", "absent", "not UTF-8"],
    )
    def test_refuses_a_wheel_whose_record_is_wrong(
        self, tmp_path, make_wheel, alice, old, new, why
    ):
        wheel = with_record(make_wheel(tmp_path), lambda data: data.replace(old, new, 1))

        with pytest.raises(WheelError, match=why):
            sign_wheel(wheel, key=alice.private)


def hash_of(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "hashed")
    return hash_pkg(pkgpath=tmp_path / "hashed/demo")
