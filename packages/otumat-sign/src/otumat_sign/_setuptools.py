"""The setuptools hooks: sign the finished wheel of a project that names a key.

Named by the keywords ``privkey_path`` and ``pubkey_path`` of `setup()`, or by the table
``[tool.otumat-sign]`` with ``key`` and ``pub`` in pyproject.toml. setuptools loads this module
in every build on a machine that has otumat-sign, so it imports nothing and does nothing unless
one of them is there.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from setuptools import Command, Distribution  # type: ignore[import-untyped, unused-ignore]

    from otumat_sign._build import Job

__all__ = ["check_path", "finalize"]

_KEYWORDS = {"key": "privkey_path", "pub": "pubkey_path"}


def check_path(_dist: Distribution, keyword: str, value: object) -> None:
    """Refuse a keyword that is no path (entry point group ``distutils.setup_keywords``)."""
    if value is not None and not isinstance(value, (str, os.PathLike)):
        _fail(f"{keyword} must be a path or key URI, not {value!r}")


def finalize(dist: Distribution) -> None:
    """Make ``bdist_wheel`` sign what it builds (``setuptools.finalize_distribution_options``)."""
    key, pub = _settings(dist)
    if not (key or pub) or vars(dist).get("_otumat_sign"):
        return
    vars(dist)["_otumat_sign"] = True  # this may be called twice
    project = os.getcwd()  # noqa: PTH109 -- strings in, strings out
    _override(dist, "egg_info", _cleaning)
    _override(dist, "bdist_wheel", lambda base: _signing(base, key, pub, project))


def _settings(dist: Distribution) -> tuple[str | None, str | None]:
    """Return the private and the public key's URI, from the keywords or from the table."""
    found = {}
    for name, keyword in _KEYWORDS.items():
        value = getattr(dist, keyword, None)
        check_path(dist, keyword, value)
        if value:
            found[name] = os.fspath(value)
    try:
        with open("pyproject.toml", "rb") as file:  # noqa: PTH123 -- cold import
            data = file.read()
    except OSError:
        data = b""
    if b"otumat-sign" in data:
        from otumat_sign import _build, _pyproject

        try:
            table = _pyproject.table(data) or {}
            values = _build.settings(table, "pyproject.toml: [tool.otumat-sign]")
        except ValueError as error:
            _fail(str(error))
        for (name, keyword), value in zip(_KEYWORDS.items(), values, strict=True):
            if value and found.setdefault(name, value) != value:
                _fail(f"{keyword} and [tool.otumat-sign] {name} differ: keep one of them")
    return found.get("key"), found.get("pub")


def _override(dist: Distribution, name: str, make: Any) -> None:
    """Put a subclass of the command *name* in its place."""
    from setuptools.errors import ModuleError  # type: ignore[import-untyped, unused-ignore]

    try:
        base = dist.get_command_class(name)
    except ModuleError:
        return  # before setuptools 70, bdist_wheel comes from wheel, which may not be there yet
    dist.cmdclass[name] = make(base)


def _cleaning(base: type[Command]) -> type[Command]:
    class egg_info(base):  # type: ignore[misc, valid-type] # noqa: N801 -- the command's name
        def run(self) -> None:
            """Delete the signatures that 0.3 left in this folder, then do the usual.

            They would go into the source archive and, stale, into the next wheel.
            """
            folder = self.egg_info
            for name in os.listdir(folder) if os.path.isdir(folder) else []:  # noqa: PTH112, PTH208
                if name.endswith((".sig", ".pub", ".manifest")):
                    os.unlink(os.path.join(folder, name))  # noqa: PTH108, PTH118
            super().run()

    return egg_info


def _signing(base: type[Command], key: str | None, pub: str | None, project: str) -> type[Command]:
    class bdist_wheel(base):  # type: ignore[misc, valid-type] # noqa: N801 -- the command's name
        def run(self) -> None:
            """Open the keys, build the wheel, sign what it will install.

            ``editable_wheel`` does not come here: there is nothing fixed to sign.
            """
            job = _prepare(key, pub, project)
            before = len(self.distribution.dist_files)
            super().run()
            built = self.distribution.dist_files[before:]
            wheels = [path for command, _, path in built if command == "bdist_wheel"]
            if not wheels:
                _fail("bdist_wheel does not say which wheel it built: it is not signed")
            for wheel in wheels:
                _sign(job, wheel)

    return bdist_wheel


def _prepare(key: str | None, pub: str | None, project: str) -> Job:
    from otumat_sign._build import prepare
    from otumat_sign.exceptions import SignError

    try:
        return prepare(key=key, pub=pub, project=project)
    except (SignError, OSError) as error:
        _fail(str(error), error)


def _sign(job: Job, wheel: str) -> None:
    import logging

    from otumat_sign.exceptions import SignError

    try:
        notes = job.sign(wheel)
    except (SignError, OSError, ValueError) as error:
        _fail(str(error), error)
    for note in notes:
        logging.getLogger("otumat_sign").warning(note)


def _fail(message: str, cause: BaseException | None = None) -> NoReturn:
    """End the build with one line: setuptools prints a SetupError without a traceback."""
    from setuptools.errors import SetupError  # type: ignore[import-untyped, unused-ignore]

    raise SetupError(f"otumat-sign: {message}") from cause
