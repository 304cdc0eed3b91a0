"""Make a module that stands for another one, loaded when a name of it is first asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def forward(target: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` (PEP 562) of a module that forwards to *target*.

    Only the names in the target's `__all__` are forwarded: they are its public API.
    """

    def getattr_(name: str) -> object:
        from importlib import import_module

        module = import_module(target)
        if name == "__all__" or name in module.__all__:
            return getattr(module, name)
        raise AttributeError(f"module {target!r} has no public attribute {name!r}")

    def dir_() -> list[str]:
        from importlib import import_module

        return list(import_module(target).__all__)

    return getattr_, dir_
