"""How a script is started: found, checked and given its interpreter before the first change."""

# os.path, because pathlib folds what it should not and is slow to load.
# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH120, PTH122, PTH123

from __future__ import annotations

import os
import sys

from otumat_watch.exceptions import ScriptError, ScriptNotExecutableError, ScriptNotFoundError

__all__ = ["command_for", "unsafe_for_batch", "windows_command"]

#: Bytes of a first line that the kernel reads (BINPRM_BUF_SIZE).
_SHEBANG_MOST = 256
_POWERSHELL = ("powershell", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File")


def command_for(script: str) -> list[str]:
    """Return the argv that runs *script*, without the arguments of a run.

    A name without a slash is looked up in PATH first, as 0.3 did, then in the current folder.
    A file that has an executable bit and a first line `#!`, or is a program, is started as it is;
    `.py` and `.sh` need neither, and any text with an executable bit is for /bin/sh, as in a shell.

    Raises:
        ScriptNotFoundError: There is no such file, or its interpreter is missing.
        ScriptNotExecutableError: It has no executable bit and no known interpreter.
        ScriptError: It cannot be read.
    """
    if not script or "\0" in script:
        raise ScriptNotFoundError(f"{script!r} is no path: name a script after -s")
    path = _found(script)
    if os.name == "nt":
        return windows_command(path)
    try:
        head = _head(path)
    except PermissionError as error:
        if os.access(path, os.X_OK):  # a program may be run without being read
            return [path]
        raise ScriptError(f"{script} cannot be read: {error.strerror}") from error
    return _posix_command(script, path, head)


def windows_command(path: str) -> list[str]:
    """Return the argv that runs *path* on Windows, by its suffix.

    Raises:
        ScriptNotExecutableError: Nothing is known to run such a file.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".py":
        return [sys.executable, path]
    if suffix == ".ps1":
        return [*_POWERSHELL, path]
    if suffix in {".exe", ".com", ".bat", ".cmd"}:
        return [path]
    raise ScriptNotExecutableError(
        f"{path} cannot be run: use a .py, .ps1, .bat, .cmd or .exe file after -s"
    )


def unsafe_for_batch(argv: list[str]) -> str:
    """Return the first argument that cmd.exe would not pass on as it is; empty if there is none.

    CreateProcess hands a batch file to cmd.exe, which has no quoting that holds for these
    characters: an argument could run a command (CVE-2024-24576).
    """
    if not argv[0].lower().endswith((".bat", ".cmd")):
        return ""
    return next((each for each in argv[1:] if any(mark in each for mark in '"%!^&|<>\r\n')), "")


def _found(script: str) -> str:
    if not os.path.dirname(script):
        from shutil import which

        path = which(script)
        if path is not None:
            return os.path.abspath(path)
    if os.path.isdir(script):
        raise ScriptNotExecutableError(f"{script} is a folder: name a script after -s")
    if not os.path.exists(script):
        raise ScriptNotFoundError(f"{script} does not exist: name a script after -s")
    if not os.path.isfile(script):
        raise ScriptNotExecutableError(f"{script} is no regular file: name a script after -s")
    return os.path.abspath(script)


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(_SHEBANG_MOST)


def _posix_command(script: str, path: str, head: bytes) -> list[str]:
    is_executable = os.access(path, os.X_OK)
    suffix = os.path.splitext(path)[1]
    if head.startswith(b"#!"):
        shebang = _shebang(script, head)
        if is_executable:
            return [path]
        if suffix in {".py", ".sh"}:
            return [*shebang, path]
    elif suffix == ".py":
        return [sys.executable, path]
    elif suffix == ".sh" or (is_executable and _is_text(head)):
        return ["/bin/sh", path]
    if not is_executable:
        raise ScriptNotExecutableError(
            f"{script} is not executable: run chmod +x on it, or name it .py or .sh"
        )
    return [path]


def _shebang(script: str, head: bytes) -> list[str]:
    r"""Return the interpreter and its one argument, as the kernel splits them.

    Raises:
        ScriptNotFoundError: The interpreter is missing, or its name ends in `\r`.
    """
    line = os.fsdecode(head[2:].partition(b"\n")[0])
    parts = line.strip(" \t").split(None, 1)
    if not parts or not os.path.exists(parts[0]) or line.endswith("\r"):
        named = line.strip(" \t") or "nothing"
        hint = "; its lines end as on Windows" if line.endswith("\r") else ""
        raise ScriptNotFoundError(
            f"{script} names an interpreter that does not exist: {named!r}{hint}"
        )
    return [parts[0], *(part.rstrip(" \t") for part in parts[1:])]


def _is_text(head: bytes) -> bool:
    """Tell a script without a first line `#!` from a program, as shells do: no NUL byte."""
    return b"\0" not in head
