"""Run a script whenever a file changes; each run's output is the next run's arguments.

>>> from otumat_watch import changes
>>> for change in changes("settings.toml"):      # doctest: +SKIP
...     print(change.path, change.event)
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_watch._agent import WatchAgent
    from otumat_watch._change import Change
    from otumat_watch._changes import changes
    from otumat_watch.exceptions import (
        ScriptError,
        ScriptNotExecutableError,
        ScriptNotFoundError,
        StateError,
        StateFileError,
        StateTooLargeError,
        TargetError,
        WatchError,
        WatcherUnavailableError,
    )

__all__ = [
    "Change",
    "ScriptError",
    "ScriptNotExecutableError",
    "ScriptNotFoundError",
    "StateError",
    "StateFileError",
    "StateTooLargeError",
    "TargetError",
    "WatchAgent",
    "WatchError",
    "WatcherUnavailableError",
    "changes",
]

_HOMES = {"Change": "_change", "WatchAgent": "_agent", "changes": "_changes"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a public name when it is first asked for (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'exceptions')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
