"""What may be recorded: names of events, properties that the package declared, three versions.

Runs on the hot path: the little JSON it writes is written by hand, and a version is looked up
without importlib.metadata (40 ms) and platform.
"""

# pathlib is not loaded on the hot path.
# ruff: noqa: PTH208

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from otumat_usage.exceptions import ConfigurationError, UndeclaredEventError

#: Raised when the words of the question change in meaning: everybody is asked again.
TEXT_VERSION = "1"
#: The types a declared property may have.
TYPES = (bool, int, float, str)
MAX_NAME = 100
MAX_TEXT = 200
_PRIME = 2**64 - 59
_SYSTEMS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}

Events = dict[str, dict[str, type]]


def checked(events: object) -> "Events | None":
    """Return a package's declaration if it is one.

    Raises:
        ConfigurationError: it is not ``{event name: {property: bool | int | float | str}}``.
    """
    if events is None:
        return None
    if not isinstance(events, dict):
        raise _misdeclared("events= is {event name: {property: type}}")
    for name, properties in events.items():
        if not is_name(name) or not isinstance(properties, dict):
            raise _misdeclared(f"events= has {name!r}, which is not a name of an event")
        for key, kind in properties.items():
            if not is_name(key) or kind not in TYPES:
                raise _misdeclared(f"events[{name!r}] has {key!r}: {kind!r}")
    return events


def is_name(name: object) -> bool:
    """Say whether *name* can name an event: printable, at most 100 characters, no edge blanks."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_NAME
        and name.isprintable()
        and name.strip() == name
    )


def text_id(events: "Events | None") -> str:
    """Return a short text that changes whenever the question asks for something else."""
    if not events:
        return f"{TEXT_VERSION}.{'any' if events is None else 'none'}"
    words = sorted(
        (name, sorted((key, kind.__name__) for key, kind in keys.items()))
        for name, keys in events.items()
    )
    # As good as a CRC against accidents, without loading zlib's library: modulo a prime.
    return f"{TEXT_VERSION}.{int.from_bytes(repr(words).encode(), 'big') % _PRIME:016x}"


def line(events: "Events | None", event_type: object, properties: "Mapping[str, object]") -> str:
    """Return an event as the spool has it: its type and, if any, a tab and its properties as JSON.

    Raises:
        UndeclaredEventError: the declaration does not name it, or it is no name at all.
    """
    if not is_name(event_type):
        raise _undeclared(f"{event_type!r} is not a name of an event")
    if events is None:
        if properties:
            raise _undeclared(f"{event_type}: properties need events= to declare them")
        return str(event_type)
    declared = events.get(str(event_type))
    if declared is None:
        raise _undeclared(f"{event_type!r} is not declared in events=")
    if not properties:
        return str(event_type)
    words = [_pair(str(event_type), declared, key, value) for key, value in properties.items()]
    return f"{event_type}\t{{{','.join(words)}}}"


def _pair(event: str, declared: dict[str, type], key: str, value: object) -> str:
    kind = declared.get(key)
    if kind is None:
        raise _undeclared(f"{event}: {key!r} is not declared in events=")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise _undeclared(f"{event}: {key!r} is a {kind.__name__}, not {value!r}")
    if kind is bool:
        return f'"{key}":{"true" if value else "false"}'
    if kind is str:
        return f'"{key}":{_quoted(str(value))}'
    text = repr(value)
    if text in ("nan", "inf", "-inf"):
        raise _undeclared(f"{event}: {key!r} is {text}, which JSON cannot say")
    return f'"{key}":{text}'


def _quoted(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise _undeclared(f"a text of {len(text)} characters; at most {MAX_TEXT}")
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    from json.encoder import encode_basestring_ascii  # rare, so only now

    return encode_basestring_ascii(text)


def context(package_name: str) -> tuple[str, str, str]:
    """Return what is said beside the events: versions of package and Python (3.12), OS family."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return _version(package_name), python, _SYSTEMS.get(sys.platform, "other")


def _version(package_name: str) -> str:
    """Return the package's version from what is loaded, or from the names of installed metadata."""
    top = package_name.partition(".")[0]
    version = getattr(sys.modules.get(top), "__version__", None)
    if not isinstance(version, str):
        version = _installed(top)
    plain = version.replace(".", "").replace("+", "").replace("-", "").replace("_", "")
    return version if plain.isalnum() and plain.isascii() and len(version) <= 64 else ""  # noqa: PLR2004


def _installed(name: str) -> str:
    wanted = name.lower().replace("-", "_").replace(".", "_")
    for place in sys.path:
        try:
            entries = os.listdir(place or ".")
        except OSError:
            continue
        for entry in entries:
            if entry.endswith(".dist-info"):
                dist, _, version = entry[:-10].partition("-")
                if dist.lower().replace(".", "_") == wanted:
                    return version
    return ""


def _misdeclared(message: str) -> "ConfigurationError":
    from otumat_usage.exceptions import ConfigurationError  # not loaded while all is well

    return ConfigurationError(message)


def _undeclared(message: str) -> "UndeclaredEventError":
    from otumat_usage.exceptions import UndeclaredEventError

    return UndeclaredEventError(message)
