"""Every exception that otumat-usage raises on purpose.

::

    UsageError
    ├── ConfigurationError (ValueError)      an argument that cannot be right
    ├── UndeclaredEventError (ValueError)    an event or key that ``events=`` does not declare
    ├── RefusedError (PermissionError)       the user, or their environment, said no
    ├── StoreError (OSError)                 a local file that cannot be read or written
    └── HostError (ConnectionError)          the host could not be asked, or its answer is unusable
        ├── EnrolmentError                   the consent page did not end in an agreement
        │   └── EnrolmentDeniedError         the user said no on the page
        └── TokenError                       the host no longer honours our tokens

Nothing here is ever raised by ``UsageAgent()`` or ``UsageAgent.log()`` in a user's program: those
are silent by contract. It is for explicit calls, the commands and the tests of a package.
"""

__all__ = [
    "ConfigurationError",
    "EnrolmentDeniedError",
    "EnrolmentError",
    "HostError",
    "RefusedError",
    "StoreError",
    "TokenError",
    "UndeclaredEventError",
    "UsageError",
]


class UsageError(Exception):
    """All exceptions raised on purpose by this package."""


class ConfigurationError(UsageError, ValueError):
    """An argument is not what it has to be; the message names it and what it may be."""


class UndeclaredEventError(UsageError, ValueError):
    """An event or property is not among those declared; raised under ``testing.capture()`` only."""


class RefusedError(UsageError, PermissionError):
    """Nothing may be recorded or sent; the message says who said no."""


class StoreError(UsageError, OSError):
    """A file of ours cannot be read or written."""


class HostError(UsageError, ConnectionError):
    """The host could not be reached, or what it answered cannot be used."""


class EnrolmentError(HostError):
    """The consent page did not end in an agreement: unreachable, timed out, wrong answer."""


class EnrolmentDeniedError(EnrolmentError):
    """The user said no on the host's page."""


class TokenError(HostError):
    """The host no longer honours our tokens; only the user can enrol again."""
