"""Name what can go wrong inside the host.

```
otumat_usage.exceptions.UsageError
└── ServingError               base, never raised itself
    ├── StoreUnavailable       (OSError) the database cannot be read or written now
    ├── StoreBusy              the write queue is full; try again later
    ├── StoreInUse             (BlockingIOError) another process serves from this folder
    ├── StoreMissing           (FileNotFoundError) no host lives in this folder
    ├── StoreOutdated          (OSError) its tables are older than this version's
    ├── PackageUnknown         (LookupError) no package of that name is registered
    ├── TokenInvalid           (ValueError) a personal token cannot be made like that
    ├── TokenUnknown           (LookupError) no personal token of that name
    ├── InstallUnknown         (LookupError) no install of that id is held
    ├── PackageInvalid         (ValueError) a name or a schema is not acceptable
    ├── PolicyInvalid          (ValueError) a retention policy contradicts itself
    ├── UrlInvalid             (ValueError) a public address is no origin
    ├── ServerSilent           (ConnectionError) the server to be checked does not answer
    ├── _walk.Broken           (AssertionError) a checked server broke a rule
    ├── _rules.NotOffered      (NotImplementedError) a rule is about what it does not have
    ├── SignInRefused          (PermissionError) a provider's answer proves nothing
    ├── SignInUnavailable      (ConnectionError) no mail server or provider answers
    ├── RuleUnknown            (LookupError) no conformance rule of that name
    └── AddressInUse           (OSError) another program listens on the port
```
"""

from __future__ import annotations

from otumat_usage.exceptions import UsageError


class ServingError(UsageError):
    """Base of everything the host raises on purpose."""


class StoreUnavailable(ServingError, OSError):  # noqa: N818 - named for the state, as the docs do
    """The database cannot be read or written now; nothing was half-written."""


class StoreBusy(ServingError):  # noqa: N818
    """The bounded write queue is full; the caller should come back later."""


class StoreInUse(ServingError, BlockingIOError):  # noqa: N818
    """Another process serves from this folder."""


class StoreMissing(ServingError, FileNotFoundError):  # noqa: N818
    """The folder holds no host; ``host init`` makes one."""


class StoreOutdated(ServingError, OSError):  # noqa: N818
    """The store's tables are older than this version's; ``host upgrade`` brings them up."""


class PackageUnknown(ServingError, LookupError):  # noqa: N818
    """No package of that name is registered at this host."""


class InstallUnknown(ServingError, LookupError):  # noqa: N818
    """No install of that id is held at this host."""


class TokenInvalid(ServingError, ValueError):  # noqa: N818
    """A personal token's name, scope or life cannot be accepted."""


class TokenUnknown(ServingError, LookupError):  # noqa: N818
    """There is no personal token of that name."""


class PackageInvalid(ServingError, ValueError):  # noqa: N818
    """A package's name, declared events or survey cannot be accepted."""


class PolicyInvalid(ServingError, ValueError):  # noqa: N818
    """A retention policy contradicts itself."""


class UrlInvalid(ServingError, ValueError):  # noqa: N818
    """A public address is not an origin (scheme, name, port)."""


class ServerSilent(ServingError, ConnectionError):  # noqa: N818
    """The server whose conformance is asked for does not answer."""


class SignInRefused(ServingError, PermissionError):  # noqa: N818
    """An OpenID provider refused, or its answer proves nothing about the user."""


class SignInUnavailable(ServingError, ConnectionError):  # noqa: N818
    """The mail server or the OpenID provider cannot be used now."""


class RuleUnknown(ServingError, LookupError):  # noqa: N818
    """No conformance rule of that name."""


class AddressInUse(ServingError, OSError):  # noqa: N818
    """Another program already listens on this address and port."""
