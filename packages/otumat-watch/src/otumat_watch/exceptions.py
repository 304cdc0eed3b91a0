"""Everything that goes wrong in otumat-watch, as one tree.

::

    WatchError
    ├── TargetError                  (ValueError)         what -f names cannot be watched
    ├── WatcherUnavailableError      (OSError)            the system's watcher cannot be used here
    ├── ScriptError                  (OSError)            the script cannot be run
    │   ├── ScriptNotFoundError      (FileNotFoundError)
    │   └── ScriptNotExecutableError (PermissionError)
    └── StateError                   (ValueError)         output that cannot be arguments
        ├── StateTooLargeError
        └── StateFileError           (OSError)            the file of --state cannot be used
"""

__all__ = [
    "ScriptError",
    "ScriptNotExecutableError",
    "ScriptNotFoundError",
    "StateError",
    "StateFileError",
    "StateTooLargeError",
    "TargetError",
    "WatchError",
    "WatcherUnavailableError",
]


class WatchError(Exception):
    """All exceptions raised on purpose from this package's code."""


class TargetError(WatchError, ValueError):
    """What was asked to be watched cannot be watched."""


class WatcherUnavailableError(WatchError, OSError):
    """The operating system's watcher cannot be used for this path; poll instead."""


class ScriptError(WatchError, OSError):
    """The script cannot be run."""


class ScriptNotFoundError(ScriptError, FileNotFoundError):
    """There is no script of that name."""


class ScriptNotExecutableError(ScriptError, PermissionError):
    """The script has no executable bit and no known interpreter."""


class StateError(WatchError, ValueError):
    """What a run printed cannot become the arguments of the next one."""


class StateTooLargeError(StateError):
    """A run printed more than the operating system passes as arguments."""


class StateFileError(StateError, OSError):
    """The state file cannot be read or written."""
