"""Where data may go: an https origin, or this machine itself."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_usage.exceptions import ConfigurationError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def of(host: object) -> str:
    """Return *host* as ``scheme://name[:port]`` in lower case, without a path.

    Raises:
        ConfigurationError: it is no https URL; plain http is taken for loopback only.
    """
    if not isinstance(host, str):
        raise _error(f"host={host!r} is not a URL such as https://usage.example.org")
    scheme, mark, rest = host.strip().lower().partition("://")
    name = rest.rstrip("/")
    bare = name if name.endswith("]") else name.rpartition(":")[0] or name
    port = name[len(bare) + 1 :]
    known = scheme == "https" or (scheme == "http" and bare in _LOOPBACK)
    plain = bare.replace(".", "").replace("-", "").replace("_", "")
    named = bare in _LOOPBACK or (plain.isascii() and plain.isalnum())
    ported = name == bare or (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16)
    if mark and known and named and ported:
        return f"{scheme}://{name}"
    raise _error(
        f"host={host!r} has to be an https origin such as https://usage.example.org "
        "(http for 127.0.0.1 only), without a path"
    )


def is_loopback(origin: str) -> bool:
    """Say whether *origin* is this machine."""
    name = origin.partition("://")[2]
    return (name if name.endswith("]") else name.rpartition(":")[0] or name) in _LOOPBACK


def route(path: object, default: str) -> str:
    """Return a route of the host, or *default* for None.

    Raises:
        ConfigurationError: it does not begin with one slash, or leads elsewhere.
    """
    if path is None:
        return default
    if (
        isinstance(path, str)
        and path[:1] == "/"
        and path[:2] != "//"
        and path.isascii()
        and path.isprintable()
        and not set(path) & set(' \\?#"<>')
    ):
        return path
    raise _error(f"the route {path!r} has to begin with / and hold no ? # or blanks")


def _error(message: str) -> "ConfigurationError":
    from otumat_usage.exceptions import ConfigurationError  # not loaded while all is well

    return ConfigurationError(message)
