"""The configuration of an agent, checked, and kept where the commands and the uploader find it.

The files ``packages/<name>/agent.json`` are the register of everything that was ever asked about.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otumat_usage import _frequency, _home, _optout, _origin, _schema
from otumat_usage.exceptions import ConfigurationError, RefusedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALL_ROUTE = "/user/usage-install"
EVENT_ROUTE = "/api/usage-event"
TOKEN_ROUTE = "/auth/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class Settings:
    """What an agent was made with: names, and where its data goes.

    *timeout* (how long the consent page may take) and *period* are in seconds.
    """

    package: str
    name: str
    author: str
    data_directory: str
    origin: str
    install_route: str
    event_route: str
    token_route: str
    timeout: float
    period: int


def of(config: Mapping[str, object]) -> Settings:
    """Return the checked settings of an agent's ``config``.

    Raises:
        ConfigurationError: a value cannot be right; the message names it.
    """
    texts = {key: _text(config, key) for key in ("author", "data_directory", "package_name")}
    package = _home.canonical(texts["package_name"])
    if not package:
        raise ConfigurationError(f"package_name={texts['package_name']!r} is not a package's name")
    timeout = config.get("response_timeout", 60)
    if not isinstance(timeout, int | float) or not 0 < timeout < 86400:  # noqa: PLR2004 - a day
        raise ConfigurationError(f"response_timeout={timeout!r} is not a number of seconds")
    return Settings(
        package=package,
        name=texts["package_name"],
        author=texts["author"],
        data_directory=texts["data_directory"],
        origin=_origin.of(config.get("host")),
        install_route=_origin.route(config.get("install_route"), INSTALL_ROUTE),
        event_route=_origin.route(config.get("event_route"), EVENT_ROUTE),
        token_route=_origin.route(config.get("refresh_route"), TOKEN_ROUTE),
        timeout=timeout,
        period=_frequency.seconds(str(config.get("upload_frequency", "24h"))),
    )


def _text(config: Mapping[str, object], key: str) -> str:
    value = config.get(key)
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise ConfigurationError(f"{key}={value!r} is not a text")


def _path(home: str, package: str) -> str:
    return f"{_home.package_folder(home, package)}/agent.json"


def save(home: str, config: Mapping[str, object], events: _schema.Events | None) -> None:
    """Write the configuration and declaration of an agent.

    Raises:
        ConfigurationError: it cannot be right.
        RefusedError: something other than the user's answer forbids any trace.
        StoreError: the file cannot be written.
    """
    package = of(config).package
    if why := _optout.overruled(package, home):
        raise RefusedError(f"{package}: {why}")
    named = None
    if events is not None:
        named = {
            name: {k: kind.__name__ for k, kind in keys.items()} for name, keys in events.items()
        }
    text = json.dumps({"otumat_usage": 1, **config, "events": named}, indent=1, sort_keys=True)
    try:
        _home.make(_home.package_folder(home, package))
        _home.write(_path(home, package), text.encode() + b"\n")
    except OSError as error:
        raise StoreError(f"the configuration of {package} cannot be kept: {error}") from error


def events(config: Mapping[str, object]) -> _schema.Events | None:
    """Return the declaration in a kept configuration.

    Raises:
        ConfigurationError: it cannot be right.
    """
    kinds: dict[str, type] = {kind.__name__: kind for kind in _schema.TYPES}
    named = config.get("events")
    if not isinstance(named, dict):
        return _schema.checked(named)
    declared: dict[str, dict[str, type]] = {}
    for name, keys in named.items():
        if not isinstance(keys, dict):
            raise ConfigurationError(f"the kept events= has {name!r}: {keys!r}")
        declared[name] = {key: kinds.get(kind, object) for key, kind in keys.items()}
    return _schema.checked(declared)


def config(home: str, package: str) -> dict[str, object]:
    """Return the kept configuration of *package*.

    Raises:
        StoreError: there is none, or it cannot be read.
    """
    try:
        found = json.loads(_home.read(_path(home, package)))
    except FileNotFoundError:
        raise StoreError(f"{package} was never asked about on this account") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"the configuration of {package} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise StoreError(f"the configuration of {package} is not a JSON object")
    found.pop("otumat_usage", None)
    return found


def load(home: str, package: str) -> Settings:
    """Return the kept settings of *package*.

    Raises:
        StoreError: there are none, or they cannot be read.
        ConfigurationError: they cannot be right.
    """
    return of(config(home, package))


def packages(home: str) -> list[str]:
    """Return the names of all packages that anything is kept about, sorted."""
    try:
        return sorted(entry.name for entry in os.scandir(f"{home}/packages") if entry.is_dir())
    except OSError:
        return []
