"""What may be recorded: names of events, and the properties that the package declared.

Runs on the hot path, so the little JSON it writes is written by hand.
"""

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
    import zlib

    words = [
        f"{name}({','.join(f'{key}:{kind.__name__}' for key, kind in sorted(keys.items()))})"
        for name, keys in sorted(events.items())
    ]
    return f"{TEXT_VERSION}.{zlib.crc32(' '.join(words).encode()):08x}"


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


def _misdeclared(message: str) -> "ConfigurationError":
    from otumat_usage.exceptions import ConfigurationError  # not loaded while all is well

    return ConfigurationError(message)


def _undeclared(message: str) -> "UndeclaredEventError":
    from otumat_usage.exceptions import UndeclaredEventError

    return UndeclaredEventError(message)
