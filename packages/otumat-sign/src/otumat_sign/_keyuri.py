"""Read a key or a passphrase from where the user says it is: a path or a URI.

`PATH`, `env:NAME` (the PEM itself), `fd:N` (read to its end), `cmd:PROGRAM ARGS` (its output,
no shell). A secret is never an argument of a command: process lists show those to everybody.
"""

from __future__ import annotations

import os

from otumat_sign.exceptions import KeyNotFoundError, UnusableKeyError

#: More than any PEM; a guard against naming /dev/zero or a wheel.
MAXIMUM_BYTES = 1 << 20


#: What `read` understands besides a path.
SCHEMES = ("env", "fd", "cmd")


def read(uri: str | os.PathLike[str]) -> bytes:
    """Return the bytes that *uri* names.

    Raises:
        KeyNotFoundError: there is no such file, variable or program (also a FileNotFoundError).
        UnusableKeyError: it cannot be read, or is too large to be a key (also a ValueError).
    """
    text = os.fspath(uri)
    scheme, colon, rest = text.partition(":")
    reader = {"env": _read_env, "fd": _read_fd, "cmd": _read_cmd}.get(scheme) if colon else None
    data = reader(rest, text) if reader else _read_path(text)
    if len(data) > MAXIMUM_BYTES:
        message = f"{text} holds more than a key could: {MAXIMUM_BYTES} bytes are read at most"
        raise UnusableKeyError(message)
    return data


def _read_path(path: str) -> bytes:
    try:
        with open(os.path.expanduser(path), "rb") as file:  # noqa: PTH111, PTH123 -- cold import
            return file.read(MAXIMUM_BYTES + 1)
    except FileNotFoundError as error:
        message = f"no key at {path}: give a path, env:NAME, fd:N or cmd:PROGRAM"
        raise KeyNotFoundError(message) from error
    except (OSError, ValueError) as error:
        message = f"cannot read the key {path}: {getattr(error, 'strerror', error)}"
        raise UnusableKeyError(message) from error


def _read_env(name: str, uri: str) -> bytes:
    value = os.environ.get(name)
    if not value:
        message = f"no key in {uri}: the environment variable {name} is empty or not set"
        raise KeyNotFoundError(message)
    return os.fsencode(value)


def _read_fd(number: str, uri: str) -> bytes:
    try:
        with open(int(number), "rb", closefd=False) as file:
            return file.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        message = f"cannot read the key {uri}: not the number of an open file descriptor"
        raise KeyNotFoundError(message) from error


def _read_cmd(command: str, uri: str) -> bytes:
    import shlex
    import subprocess

    try:
        return subprocess.run(shlex.split(command), stdout=subprocess.PIPE, check=True).stdout
    except (FileNotFoundError, IndexError) as error:
        message = f"cannot read the key {uri}: no such program"
        raise KeyNotFoundError(message) from error
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        message = f"cannot read the key {uri}: {error}"
        raise UnusableKeyError(message) from error
