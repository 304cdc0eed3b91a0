"""The strict ZIP reader, shown files in which two readers would see different things.

Each file is made by hand: a sound archive of two entries, then a change of a few bytes.
"""

from __future__ import annotations

import struct
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otumat_sign import WheelError
from otumat_sign._zip import CENTRAL, END, LOCAL, Archive

FLAG_UTF8 = 0x800


class Member:
    """One entry to be written; every field can be told a lie."""

    def __init__(self, name="a.py", data=b"print()\n", *, local=None, **lies):
        self.raw = name.encode() if isinstance(name, str) else name
        self.method = lies.get("method", 8)
        self.packed = data
        if self.method == 8:
            deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
            self.packed = deflater.compress(data) + deflater.flush()
        self.packed += lies.get("more", b"")
        self.flags = lies.get("flags", 0 if self.raw.isascii() else FLAG_UTF8)
        self.crc = lies.get("crc", zlib.crc32(data))
        self.size = lies.get("size", len(data))
        self.mode = lies.get("mode", 0o100644)
        self.extra = lies.get("extra", b"")
        self.disk = lies.get("disk", 0)
        self.descriptor = lies.get("descriptor", b"")
        self.local = local or {}  # what the local header says instead

    def common(self, **other):
        said = {
            "flags": self.flags,
            "method": self.method,
            "crc": self.crc,
            "packed": len(self.packed),
            "size": self.size,
            "raw": self.raw,
            "extra": self.extra,
        } | other
        date = (0, 0x5042)
        head = (20, said["flags"], said["method"], *date, said["crc"], said["packed"])
        return said, (*head, said["size"], len(said["raw"]), len(said["extra"]))

    def span(self):
        said, fields = self.common(**self.local)
        head = LOCAL.pack(b"PK\3\4", *fields)
        return head + said["raw"] + said["extra"] + self.packed + self.descriptor

    def record(self, start):
        _, fields = self.common()
        tail = (0, self.disk, 0, self.mode << 16, start)
        return CENTRAL.pack(b"PK\1\2", 0x314, *fields, *tail) + self.raw + self.extra


def archive(*members, before=b"", between=b"", after=b"", comment=0, **end):
    """Return the bytes of a ZIP file holding *members*, with bytes where none belong."""
    spans, records, position = [before], [], len(before)
    for member in members:
        records.append(member.record(position))
        spans.append(member.span())
        position += len(spans[-1])
    directory = b"".join(records)
    start = end.get("start", position + len(between))
    count = end.get("count", len(records))
    disk, first, here = end.get("disk", 0), end.get("first", 0), end.get("here", count)
    tail = END.pack(b"PK\5\6", disk, first, here, count, len(directory), start, comment)
    return b"".join([*spans, between, directory, tail, after])


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read every entry of it strictly."""

    def read(content):
        path = tmp_path / "made.whl"
        path.write_bytes(content)
        opened = Archive(path)
        return {entry.name: opened.read(entry) for entry in opened.entries}

    return read


SOUND = Member("a/b.py", b"b = 1\n")
OTHER = Member("a/c.py", b"c = 1\n", method=0)
DESCRIPTOR = struct.pack("<3L", SOUND.crc, len(SOUND.packed), SOUND.size)
ZEROS = {"crc": 0, "packed": 0, "size": 0}

ACCEPTED = {
    "plain": archive(SOUND, OTHER),
    "empty": archive(),
    "a folder's own entry": archive(Member("a/", b"", mode=0o40755), SOUND),
    "no type in the mode": archive(Member(mode=0o644), OTHER),
    "a name in UTF-8": archive(Member("a/ü.py")),
    "a timestamp extra": archive(Member(extra=struct.pack("<2HB", 0x5455, 1, 0))),
    "an empty file": archive(Member(data=b"")),
}

TIME = struct.pack("<2HB", 0x5455, 1, 0)
INFOZIP_NAME = struct.pack("<2HB", 0x7075, 1, 1)

REFUSED = {
    "not a ZIP": b"#!/bin/sh\n",
    "nothing": b"",
    "trailing data": archive(SOUND, after=b"#!/bin/sh\n"),
    "leading data": archive(SOUND, before=b"#!/bin/sh\n"),
    "bytes between the entries and the directory": archive(SOUND, between=b"PK"),
    "bytes after an entry": archive(Member(descriptor=b"xx"), OTHER),
    "a comment": archive(SOUND, comment=4, after=b"PK\5\6"),
    "a record without its magic": archive(SOUND, OTHER).replace(b"PK\1\2", b"PK\1\3"),
    "an entry on another disk": archive(Member(disk=1)),
    "a count that is too small": archive(SOUND, OTHER, count=1),
    "a count that is too large": archive(SOUND, OTHER, count=3),
    "an end on another disk": archive(SOUND, disk=1),
    "a directory on another disk": archive(SOUND, first=1),
    "entries on other disks": archive(SOUND, here=0),
    "a directory elsewhere": archive(SOUND, start=0),
    "ZIP64 in the directory": archive(SOUND, count=0xFFFF),
    "ZIP64 in an entry": archive(Member(extra=struct.pack("<2HQ", 1, 8, 0))),
    "another name in an extra field": archive(Member(extra=INFOZIP_NAME)),
    "another name in the local extra field": archive(Member(local={"extra": INFOZIP_NAME})),
    "a cut extra field": archive(Member(extra=TIME[:-1])),
    "a name that is not UTF-8": archive(Member(b"a\xff.py", flags=FLAG_UTF8)),
    "a name in an old code page": archive(Member(b"a\x81.py", flags=0)),
    "a duplicate": archive(SOUND, Member("a/b.py", b"b = 2\n")),
    "a folder twice": archive(Member("a/", b"", mode=0o40755), Member("a/", b"", mode=0o40755)),
    "a file that is a folder too": archive(Member("a", b"1"), SOUND),
    "a file and a folder of one name": archive(Member("a", b"1"), Member("a/", b"", mode=0)),
    "another local name": archive(Member("a.py", local={"raw": b"b.py"})),
    "another local size": archive(Member(method=0, local={"size": 3})),
    "another local crc": archive(Member(local={"crc": 3})),
    "another local method": archive(Member(local={"method": 0})),
    "other local flags": archive(Member(local={"flags": FLAG_UTF8})),
    "zeros in a local header without a descriptor": archive(Member(local=ZEROS)),
    "a descriptor that disagrees": archive(
        Member("a/b.py", b"b = 1\n", flags=8, local=ZEROS, descriptor=DESCRIPTOR[:-1] + b"\1")
    ),
    "no descriptor where one is announced": archive(Member(flags=8, local=ZEROS)),
    "dots": archive(Member("a/../../b.py")),
    "a dot": archive(Member("./a.py")),
    "an absolute path": archive(Member("/etc/passwd")),
    "a drive": archive(Member("C:/a.py")),
    "an alternate data stream": archive(Member("a.py:b")),
    "a backslash": archive(Member("a\\b.py")),
    "a zero byte in a name": archive(Member("a.py\0.txt")),
    "a newline in a name": archive(Member("a\n.py")),
    "an empty component": archive(Member("a//b.py")),
    "an empty name": archive(Member("")),
    "a link": archive(Member("a.py", b"/etc/passwd", mode=0o120777)),
    "a device": archive(Member("a.py", b"", mode=0o020644)),
    "a file marked as a folder": archive(Member("a.py", b"", mode=0o040755)),
    "a folder with content": archive(Member("a/", b"x", mode=0)),
    "plain encryption": archive(Member(flags=1)),
    "strong encryption": archive(Member(flags=0x41)),
    "an unknown method": archive(Member(method=12)),
    "stored but of another size": archive(Member(method=0, size=3)),
    "a wrong crc": archive(Member(crc=3)),
    "less than announced": archive(Member(size=100)),
    "more than announced": archive(Member(size=2)),
    "bytes after the deflated data": archive(Member(more=b"xx")),
    "names that differ in case": archive(Member("a.py"), Member("A.py")),
    "folders that differ in case": archive(Member("a/b.py"), Member("A/c.py")),
    "names that differ in form (NFC)": archive(Member("\u00e9.py"), Member("e\u0301.py")),
    "names that fold together": archive(Member("stra\u00dfe.py"), Member("STRASSE.py")),
    "names that Windows trims": archive(Member("a.py"), Member("a.py. ")),
}


def _overlapping():
    """Two records that share one span: the quoted bomb, and the file behind a file."""
    content = archive(SOUND, OTHER)
    at = content.rindex(b"PK\1\2")
    return content[:at] + OTHER.record(0) + content[at + len(OTHER.record(0)) :]


def _nested():
    """A stored file whose content is another entry, which has a record of its own."""
    outer = Member("a/b.zip", OTHER.span(), method=0)
    span = outer.span()
    records = outer.record(0) + OTHER.record(len(span) - len(OTHER.span()))
    return span + records + END.pack(b"PK\5\6", 0, 0, 2, 2, len(records), len(span), 0)


REFUSED["two records for one span"] = _overlapping()
REFUSED["an entry inside of another"] = _nested()


class TestArchive:
    @pytest.mark.parametrize("content", ACCEPTED.values(), ids=ACCEPTED)
    def test_reads_what_has_one_meaning_as_zipfile_does(self, read, tmp_path, content):
        contents = read(content)

        with zipfile.ZipFile(tmp_path / "made.whl") as other:
            assert contents == {name: other.read(name) for name in other.namelist()}

    @pytest.mark.parametrize("magic", [b"", b"PK\7\10"], ids=["bare", "with its magic"])
    def test_reads_entries_with_a_descriptor(self, read, magic):
        member = Member("a/b.py", b"b = 1\n", flags=8, local=ZEROS, descriptor=magic + DESCRIPTOR)

        assert read(archive(member, OTHER)) == {"a/b.py": b"b = 1\n", "a/c.py": b"c = 1\n"}

    @pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
    def test_refuses_what_could_be_read_in_two_ways(self, read, content):
        with pytest.raises(WheelError, match=r"made\.whl: "):
            read(content)

    def test_refuses_a_bomb_before_unpacking_it(self, read):
        """The announced size counts: no entry is inflated to find out."""
        bomb = archive(*(Member(f"{n}.bin", bytes(2000), size=2**22) for n in range(80)))

        with pytest.raises(WheelError, match="unpack to 335544320 bytes, over 100 times its size"):
            read(bomb)

    def test_never_inflates_more_than_an_entry_announces(self, tmp_path):
        member = Member("a.bin", bytes(2**24), size=10, local={"size": 10})
        (tmp_path / "made.whl").write_bytes(archive(member))
        opened = Archive(tmp_path / "made.whl")

        with pytest.raises(WheelError, match=r"a\.bin is damaged"):
            opened.read(opened.entries[0])

    def test_says_that_a_file_is_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            Archive(tmp_path / "none.whl")

    @settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def test_raises_only_its_own_error_on_damage(self, tmp_path, data):
        """Any byte of a sound archive may be changed, or its end cut off."""
        content = bytearray(archive(SOUND, OTHER, Member("a/ü.py")))
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(content)))
        path = tmp_path / "made.whl"
        path.write_bytes(content[:cut] if cut % 2 else content)

        try:
            opened = Archive(path)
            for entry in opened.entries:
                opened.read(entry)
        except WheelError:
            pass
