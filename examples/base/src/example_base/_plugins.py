"""Load plugins by entry point, each only after its content has been verified."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distribution, entry_points

from otumat_sign import InvalidSignature, SignError, hash_pkg, verify

Greeting = Callable[[str], str]


def trusted_greetings(on_refusal: Callable[[str, Exception], None]) -> Iterator[Greeting]:
    """Yield what trusted plugins bring; *on_refusal* hears of the others. None of those is run."""
    for plugin in entry_points(group="example_base.greetings"):
        try:
            verify_plugin(plugin)
        except (SignError, FileNotFoundError) as reason:  # noqa: PERF203 -- the others may still load
            on_refusal(plugin.name, reason)
        else:
            yield plugin.load()


def verify_plugin(plugin: EntryPoint) -> None:
    """Return if the owner of our key signed the package that *plugin* would import."""
    package = plugin.module.partition(".")[0]
    if plugin.dist is None:
        raise InvalidSignature(f"{plugin.name} belongs to no distribution")
    verify(
        pubkey_path=_public_key(),
        data=hash_pkg(pkgpath=plugin.dist.locate_file(package)),
        signature=plugin.dist.read_text(f"{package}.sig"),
    )


def _public_key() -> str:
    """Return the path of the key that the build put into our own metadata."""
    for file in distribution("example-base").files or []:
        if file.name == "example_base.pub":
            return str(file.locate())
    raise FileNotFoundError("example-base was built without its public key")
