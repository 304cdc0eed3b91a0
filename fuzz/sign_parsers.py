"""Fuzz everything in otumat-sign that reads bytes from outside, with coverage guidance.

    python fuzz/sign_parsers.py seeds DIR
    python fuzz/sign_parsers.py signature|public|private|listing|quote|zip [libFuzzer options] [DIR]

What a parser raises on purpose is caught; everything else is a finding, and atheris writes the
input to crash-*.
"""

# ruff: noqa: S101, PLR2004 -- an assertion that fails is what a fuzzer looks for

import io
import sys
import tempfile
import zipfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["otumat_sign"]):
    from otumat_sign import _keys, _listing, _signature, _zip
    from otumat_sign.exceptions import SignError

_SCRATCH = Path(tempfile.mkdtemp(prefix="otumat-fuzz-")) / "x.whl"


def signature(data: bytes) -> None:
    """Whatever decodes has one spelling."""
    text = data.decode("utf-8", errors="surrogateescape")
    try:
        raw = _signature.decode(text)
    except SignError:
        return
    flat = text.replace("\r\n", "\n").replace("\n", "")
    assert _signature.encode(raw).replace("\n", "") == flat


def public(data: bytes) -> None:
    """A public key, or a refusal."""
    try:
        _keys.PublicKey(data, name="fuzz").verify(data, data)
    except SignError:
        return


def private(data: bytes) -> None:
    """A private key whose signatures verify, or a refusal."""
    try:
        key = _keys.PrivateKey(data, name="fuzz", passphrase=lambda: b"secret")
        _signature.sign_with(key, "data")
    except SignError:
        return


def listing(data: bytes) -> None:
    """Any path without NUL can be listed or is refused."""
    path = data.replace(b"\0", b"")
    try:
        _listing.refuse_names([path])
        _listing.refuse_links(["120000 "], [path])
    except SignError:
        return
    _listing.lines(["100644 "], _listing.quote_all([path]))


def quote(data: bytes) -> None:
    """A quoted path is plain ASCII and says every byte."""
    path = data.replace(b"\0", b"")
    quoted = _listing.quote(path)
    assert all(0x20 <= byte < 0x7F for byte in quoted)
    if quoted != path:
        plain = quoted[1:-1].decode("unicode_escape").encode("latin-1")
        assert plain == path


def zip(data: bytes) -> None:  # noqa: A001 -- the name on the command line
    """An archive whose entries can all be read, or a refusal."""
    _SCRATCH.write_bytes(data)
    try:
        archive = _zip.Archive(_SCRATCH)
        for entry in archive.entries:
            archive.read(entry)
    except SignError:
        return


PARSERS = {parse.__name__: parse for parse in (signature, public, private, listing, quote, zip)}


def seeds(folder: Path) -> None:
    """Write real keys, a signature and a small archive to start from."""
    folder.mkdir(exist_ok=True)
    for kind in ("rsa", "ed25519", "ecdsa"):
        for passphrase in (None, b"secret"):
            private_pem, public_pem = _keys.generate(kind, passphrase)
            (folder / f"{kind}-{passphrase is None}.pem").write_bytes(private_pem)
            (folder / f"{kind}-{passphrase is None}.pub").write_bytes(public_pem)
    (folder / "signature").write_text(_signature.encode(bytes(range(200))))
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("a/b.py", b"x = 1\n" * 10)
            archive.writestr("a-1.dist-info/RECORD", b"")
        (folder / f"zip-{method}").write_bytes(buffer.getvalue())


def main() -> None:
    """Hand over to atheris."""
    if len(sys.argv) == 3 and sys.argv[1] == "seeds":
        seeds(Path(sys.argv[2]))
        return
    if len(sys.argv) < 2 or sys.argv[1] not in PARSERS:
        sys.exit(__doc__)
    parse = PARSERS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, parse)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
