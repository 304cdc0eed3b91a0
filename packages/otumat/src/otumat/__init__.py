"""Re-export the three otumat libraries, each loaded only when a name of it is first used.

This module must cost next to nothing: it is imported by programs that only want to set
`DISABLE_USAGE_TRACKING_PACKAGES` before they import a package that embeds otumat-usage.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat import signing, usage, watch
    from otumat_sign import hash_pkg, sign, verify

    __version__: str

__all__ = [
    "DISABLE_USAGE_TRACKING_PACKAGES",
    "hash_pkg",
    "sign",
    "signing",
    "usage",
    "verify",
    "watch",
]

#: Names of packages (or ``"*"``) whose usage must never be recorded or sent by this process.
#: Rebind or change it at any time; it is read whenever a package is about to record something.
DISABLE_USAGE_TRACKING_PACKAGES: list[str] = []

# Functions come from otumat_sign; there is no submodule of these names, so that importing one
# can never replace the function (the reason the module alias is called `signing`).
_FUNCTIONS = frozenset({"hash_pkg", "sign", "verify"})
_MODULES = frozenset({"signing", "usage", "watch"})

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load the sibling that owns *name* at its first use (PEP 562)."""
        from importlib import import_module

        if name in _FUNCTIONS:
            value = getattr(import_module("otumat_sign"), name)
            globals()[name] = value
            return value
        if name in _MODULES:
            return import_module(f"otumat.{name}")
        if name == "__version__":  # all that 0.3 exported
            return import_module("importlib.metadata").version("otumat")
        raise AttributeError(f"module 'otumat' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__
