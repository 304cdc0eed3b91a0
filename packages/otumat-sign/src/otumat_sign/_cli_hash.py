"""The command ``hash``."""

from __future__ import annotations

import click

from otumat_sign._cli_command import CONTEXT, Command, Refusal, echo_json, json_option
from otumat_sign._cli_progress import working


@click.command(
    "hash", cls=Command, context_settings=CONTEXT, short_help="Hash a package as git lists it."
)
@click.argument("directory", metavar="DIR")
@click.option(
    "-a",
    "--algorithm",
    "algorithms",
    type=click.Choice(["sha1", "sha256"]),
    multiple=True,
    help="git's object format, sha1 by default. Given twice, both in one pass.",
)
@click.option("--prefix", metavar="DIRS", help="The folders above DIR in git's view: src.")
@click.option("--workers", type=click.IntRange(1), help="Processes that share the work.")
@click.option("--explain-git", is_flag=True, help="Compare with the repository around DIR.")
@json_option
def hash_command(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    directory: str,
    algorithms: tuple[str, ...],
    prefix: str | None,
    workers: int | None,
    explain_git: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Print the hash of the package DIR (or of a single .py file).

    It is what `git add . --all; git ls-files -s DIR | git hash-object --stdin` prints in the
    folder that holds DIR. With --explain-git, exits with 1 if the repository around DIR says
    otherwise, and names every path that differs and why.

    Example: otumat-sign hash src/mypkg
    """
    if explain_git:
        if algorithms or prefix or workers:
            raise click.UsageError("--explain-git takes no other option but --json")
        _explain_git(directory, as_json=as_json)
        return
    from otumat_sign._digest import digests

    algorithms = algorithms or ("sha1",)
    with working(f"hashing {directory}"):
        found = digests(directory, algorithms, prefix=prefix, workers=workers)
    if as_json:
        echo_json({"path": directory, **dict(zip(algorithms, found, strict=True))})
    else:
        for digest in found:
            click.echo(digest)


def _explain_git(directory: str, *, as_json: bool) -> None:
    from otumat_sign._explain import explain

    with working(f"comparing {directory} with git"):
        result = explain(directory)
    equal = result.ours == result.gits
    if as_json:
        differences = [{"path": path, "cause": cause} for path, cause in result.differences]
        hashes = {"hash": result.ours, "git": result.gits}
        echo_json({"path": directory, "equal": equal, **hashes, "differences": differences})
    else:
        for path, cause in result.differences:
            click.echo(f"{path}: {cause}")
    if not equal:
        raise Refusal(f"{directory}: git says {result.gits}, the files say {result.ours}")
    if not as_json:
        click.echo(f"{directory}: git says the same, {result.ours}")
