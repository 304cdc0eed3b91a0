"""The setuptools keywords ``privkey_path`` and ``pubkey_path``: sign the finished wheel.

setuptools loads this module in every build on a machine that has otumat-sign, so it imports
nothing and does nothing unless one of the keywords is there.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from setuptools import Distribution  # type: ignore[import-untyped, unused-ignore]

__all__ = ["check_path", "finalize"]


def check_path(_dist: Distribution, keyword: str, value: object) -> None:
    """Refuse a keyword that is no path (entry point group ``distutils.setup_keywords``)."""
    import os

    if value is not None and not isinstance(value, (str, os.PathLike)):
        from setuptools.errors import SetupError  # type: ignore[import-untyped, unused-ignore]

        message = f"{keyword} must be a path or key URI, not {value!r}"
        raise SetupError(message)


def finalize(dist: Distribution) -> None:
    """Make ``bdist_wheel`` sign what it built (``setuptools.finalize_distribution_options``)."""
    key, pub = (getattr(dist, keyword, None) for keyword in ("privkey_path", "pubkey_path"))
    if not key and not pub:
        return
    import os

    base = dist.get_command_class("bdist_wheel")

    class bdist_wheel(base):  # type: ignore[misc, valid-type] # noqa: N801 -- the command's name
        def run(self) -> None:
            """Build the wheel, then sign what it will install.

            ``editable_wheel`` does not come here: there is nothing fixed to sign.
            """
            before = len(self.distribution.dist_files)
            super().run()
            for command, _, wheel in self.distribution.dist_files[before:]:
                if command == "bdist_wheel":
                    _sign(wheel, key and os.fspath(key), pub and os.fspath(pub))

    dist.cmdclass["bdist_wheel"] = bdist_wheel


def _sign(wheel: str, key: str | None, pub: str | None) -> None:
    import os

    from setuptools.errors import SetupError  # type: ignore[import-untyped, unused-ignore]

    from otumat_sign._build import sign_built_wheel
    from otumat_sign.exceptions import SignError

    try:
        notes = sign_built_wheel(wheel, key=key, pub=pub, project=os.getcwd())  # noqa: PTH109
    except (SignError, OSError) as error:
        raise SetupError(str(error)) from error
    import logging

    for note in notes:
        logging.getLogger("otumat_sign").warning(note)
