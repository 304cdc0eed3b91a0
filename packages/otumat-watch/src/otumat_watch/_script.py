"""How a script is started: found, checked and given its interpreter before the first change."""

from __future__ import annotations

import os
import sys

from otumat_watch.exceptions import ScriptNotExecutableError, ScriptNotFoundError

__all__ = ["command_for"]


def command_for(script: str) -> list[str]:
    """Return the argv that runs *script*, without its arguments.

    A name without a slash is looked up in PATH first, as 0.3 did, then in the current folder.

    Raises:
        ScriptNotFoundError: There is no such file.
        ScriptNotExecutableError: It has no executable bit and no known interpreter.
    """
    path = _found(script)
    interpreter = _interpreter(path)
    if interpreter is None and not os.access(path, os.X_OK):
        raise ScriptNotExecutableError(
            f"{script} is not executable: chmod +x it, or name it .py or .sh"
        )
    return [*(interpreter or ()), path]


def _found(script: str) -> str:
    if os.sep not in script:
        from shutil import which

        path = which(script)
        if path is not None:
            return os.path.abspath(path)
    if not os.path.exists(script):
        raise ScriptNotFoundError(f"{script} does not exist: name a script after -s")
    if os.path.isdir(script):
        raise ScriptNotExecutableError(f"{script} is a folder: name a script after -s")
    return os.path.abspath(script)


def _interpreter(path: str) -> tuple[str, ...] | None:
    with open(path, "rb") as file:
        shebang = file.read(2) == b"#!"
    if shebang and os.access(path, os.X_OK):
        return None
    suffix = os.path.splitext(path)[1]
    return {".py": (sys.executable,), ".sh": ("/bin/sh",)}.get(suffix)
