"""The command `python -m release`: what nox calls, locally and in the release workflow.

Exit codes: 0 all is well, 1 this must not be released, 2 it could not be found out.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile
import zipfile
from typing import TYPE_CHECKING

from release import _build, _commit, _contents, _install, _project, _sbom, _signing
from release._refused import Refused

if TYPE_CHECKING:
    from release._project import Project

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUB = ROOT / "release.pub"


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except Refused as no:
        print(f"release: {no}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    commands = parser.add_subparsers(required=True)
    sbom = commands.add_parser("sbom", help="write the bills of materials anew")
    sbom.set_defaults(run=_sbom_only)
    tag = commands.add_parser("tag", help="tag = version = changelog, leaves first")
    tag.add_argument("tag")
    tag.add_argument("--output", type=pathlib.Path, help="append dist=DIST to this file")
    tag.set_defaults(run=_tag)
    build = commands.add_parser("build", help="build reproducibly and check the contents")
    build.set_defaults(run=_build_only)
    sign = commands.add_parser("sign", help="sign what `build` left in --out, if it can be rebuilt")
    sign.set_defaults(run=_sign_only)
    tried = commands.add_parser("try", help="install and verify what `sign` left; without its key")
    tried.set_defaults(run=_try_only)
    check = commands.add_parser("check", help="everything but the publishing")
    check.add_argument("--tag", help="the tag to be; by default the one that HEAD has")
    check.add_argument("--rehearse", action="store_true", help="go on where a release would end")
    check.set_defaults(run=_check)
    for command in (build, sign, tried, check):
        command.add_argument("dists", metavar="DIST", nargs="*" if command is check else 1)
        command.add_argument("--out", type=pathlib.Path, help="leave sdist and wheel here")
    for command in (sign, check):
        command.add_argument("--key", help="the Ed25519 key: a path, env:NAME or cmd:PROGRAM")
    for command in (sign, tried, check):
        command.add_argument("--pub", type=pathlib.Path, default=PUB, help="whom to trust")
    return parser


def _sbom_only(_: argparse.Namespace) -> None:
    for dist in _project.DISTS:
        _sbom.write(_project.read(ROOT, dist))


def _tag(args: argparse.Namespace) -> None:
    project = _project.read(ROOT, _project.dist_of(args.tag))
    _check_names(project, args.tag)
    if args.output:
        with args.output.open("a", encoding="utf-8") as output:
            output.write(f"dist={project.name}\n")


def _build_only(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as work:
        _leave(args.out, *_built(_project.read(ROOT, args.dists[0]), pathlib.Path(work)))


def _sign_only(args: argparse.Namespace) -> None:
    project = _project.read(ROOT, args.dists[0])
    if not args.key or not args.out:
        raise Refused("sign: give --key and --out")
    pub, key = _trusted(args.pub), _signing.Key.take(args.key)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for file in (rebuilt := _built(project, work)):
            _build.same(file, args.out / file.name, "rebuilt here and as delivered")
        _leave(args.out, rebuilt[0], _signed(project, rebuilt[1], key, pub, work))


def _try_only(args: argparse.Namespace) -> None:
    project = _project.read(ROOT, args.dists[0])
    if not args.out:
        raise Refused("try: give --out")
    with tempfile.TemporaryDirectory() as folder:
        _try(project, args.out.resolve() / project.wheel, _trusted(args.pub), pathlib.Path(folder))


def _check(args: argparse.Namespace) -> None:
    if not args.dists and not args.rehearse:
        raise Refused(f"say which distribution: one of {', '.join(_project.DISTS)}")
    taken = _signing.Key.take(args.key) if args.key else None
    for dist in args.dists or _project.DISTS:
        project = _project.read(ROOT, dist)
        _check_for(project, args.tag, rehearse=args.rehearse)
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            sdist, wheel = _built(project, work)
            if taken:
                key, pub = taken, _trusted(args.pub)
            else:
                key, pub = _signing.throw_away_key(work / "key")
                _say("no --key: a throw-away key signs; what it signs proves nothing to anybody")
            signed = _signed(project, wheel, key, pub, work)
            _try(project, signed, pub, work)
            _leave(args.out, sdist, signed if taken else wheel)
        _say(f"{dist} {project.version}: {'rehearsed' if args.rehearse else 'fit to be released'}")


def _trusted(pub: pathlib.Path) -> pathlib.Path:
    """Return the public half that the real key is held to."""
    if not pub.exists():
        raise Refused(f"{pub}: not there: commit the public half of the key (docs/releasing.md)")
    return pub.resolve()


def _check_for(project: Project, tag: str | None, *, rehearse: bool) -> None:
    """Hold the names to each other; in a rehearsal say what would end a release, and go on."""
    here = {t for t in _commit.tags(ROOT, here=True) if t.startswith(f"{project.name}-v")}
    tags = [tag] if tag else sorted(here) or [project.tag]
    try:
        for each in tags:
            _check_names(project, each)
        _check_committed(project)
    except Refused as no:
        if not rehearse:
            raise Refused(f"{no} (or --rehearse)") from None
        _say(f"rehearsal: a release would end here: {no}")


def _check_names(project: Project, tag: str) -> None:
    _project.check_tag(project, tag)
    _project.check_changelog(project)
    _project.check_leaves(project, _commit.tags(ROOT))
    _say(f"tag {tag} = version = changelog")


def _check_committed(project: Project) -> None:
    if changed := _commit.changed(ROOT, f"packages/{project.name}"):
        raise Refused(f"{changed[0][3:]}: not committed, and only the commit is built")


def _built(project: Project, work: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    _sbom.check(project)
    files = _commit.files(ROOT, f"packages/{project.name}")
    epoch = _commit.epoch(ROOT)
    sdist, wheel = _build.twice(project, files, epoch, work)
    _say(f"{sdist.name}, {wheel.name}: the same bytes twice, and from the sdist")
    _contents.check(project, files, sdist, wheel)
    _say(f"{wheel.name}: metadata and contents as they must be, twine agrees")
    return sdist, wheel


def _signed(
    project: Project, wheel: pathlib.Path, key: _signing.Key, pub: pathlib.Path, work: pathlib.Path
) -> pathlib.Path:
    signed = _signing.sign(wheel, key, _commit.epoch(ROOT), work)
    _say(f"{wheel.name}: signed twice, the same bytes")
    with zipfile.ZipFile(signed) as archive:
        archive.extractall(work / "unpacked")
    _signing.check_by_hand(project, work / "unpacked", pub, work / "unpacked by hand")
    _say(f"{wheel.name}: openssl and sha256sum agree")
    return signed


def _try(project: Project, signed: pathlib.Path, pub: pathlib.Path, work: pathlib.Path) -> None:
    """Install the signed wheel and verify it; this runs what an index holds, and needs no key."""
    epoch = _commit.epoch(ROOT)
    siblings = work / "siblings"
    siblings.mkdir()
    for dist in _project.DISTS[:-1]:
        if dist != project.name:
            sibling = _build.wheel(_project.read(ROOT, dist), ROOT, epoch, work / "leaves")
            shutil.copy(sibling, siblings)
    venv = _install.Venv(work / "venv")
    _install.check(project, signed, pub, siblings, venv)
    _say(f"{project.name}: installed, run, trusted by verify and check")
    _signing.check_by_hand(project, venv.site, pub, work / "by hand")
    _say(f"{project.name}: openssl and sha256sum agree with what is installed")
    _install.check_refusal(project, pub, venv)
    _say(f"{project.name}: with one byte changed, refused")


def _leave(out: pathlib.Path | None, *files: pathlib.Path) -> None:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file in files:
            fresh = out / f".{file.name}.new"
            shutil.copyfile(file, fresh)
            fresh.replace(out / file.name)
            _say(f"{out / file.name}: {file.stat().st_size:,} bytes")


def _say(text: str) -> None:
    print(f"release: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
