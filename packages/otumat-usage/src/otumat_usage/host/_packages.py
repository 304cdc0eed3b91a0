"""Register the packages a host serves and know what each may collect."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence

from otumat_usage.host._database import Connection, bindparam, insert, packages, select, update
from otumat_usage.host._errors import PackageInvalid, PackageUnknown
from otumat_usage.host._news import checked
from otumat_usage.host._prepared import Prepared
from otumat_usage.host._survey import Question, questions_of

__all__ = [
    "SIGN_INS",
    "Package",
    "add",
    "admit",
    "canonical",
    "checked_name",
    "close",
    "find",
    "get",
    "names",
    "news",
    "survey",
    "take_legacy",
]

# The name rule of the core metadata specification.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,212}[A-Za-z0-9])?")
_MAX_NAME = 100
_KINDS = frozenset(("str", "int", "float", "bool"))
_KEPT = ("events", "closed", "pace", "sign_in", "domains", "survey", "latest", "notice", "legacy")
SIGN_INS = ("anonymous", "email", "oidc")
_DOMAIN = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}")

_EVERY = select(packages.c.id, packages.c.name, packages.c.settings)
_NAMED = Prepared(_EVERY.where(packages.c.name == bindparam("name")))

Events = Mapping[str, Mapping[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Package:
    """A registered package.

    Attributes:
        id: The number that stands for it in the log.
        name: Its canonical name (PEP 503).
        events: The declared schema, event name to property name to kind, or None
            when any event name is taken and no properties are.
        closed: Whether uploads and new installs are refused.
        pace: Seconds between two uploads of one install, on average.
        sign_in: Who may enrol: `anonymous` (anyone), `email` or `oidc`.
        survey: The questions on the consent page.
        legacy: Whether clients of otumat 0.3 are taken (wire 1).
        domains: The domains of the mail addresses that may enrol; none means any.
        latest: The newest version, which answers to uploads name.
        notice: One line for users, in those answers.
    """

    id: int
    name: str
    events: Events | None = None
    closed: bool = False
    pace: int = 86_400
    sign_in: str = "anonymous"
    domains: tuple[str, ...] = ()
    survey: tuple[Question, ...] = ()
    latest: str | None = None
    notice: str | None = None
    legacy: bool = False


def canonical(name: str) -> str:
    """Return *name* as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def checked_name(name: str) -> str:
    """Return *name* as PEP 503 normalises it.

    Raises:
        PackageInvalid: it is no name of a package.
    """
    if _NAME.fullmatch(name) is None:
        raise PackageInvalid(f"{name!r} is no package name: letters, digits, '.', '-' and '_' only")
    return canonical(name)


def add(connection: Connection, name: str, now: int, *, events: Events | None = None) -> Package:
    """Register *name*, or replace the declared events of a registered one.

    Raises:
        PackageInvalid: the name or the schema is not acceptable.
    """
    checked_name(name)
    checked = None if events is None else _checked(events)
    known = get(connection, name)
    if known is None:
        text = _dump(Package(0, canonical(name), checked))
        statement = insert(packages).values(name=canonical(name), created=now, settings=text)
        connection.execute(statement)
    elif checked is not None:
        text = _dump(dataclasses.replace(known, events=checked))
        connection.execute(update(packages).where(packages.c.id == known.id).values(settings=text))
    return find(connection, name)


def admit(connection: Connection, name: str, sign_in: str, domains: Sequence[str] = ()) -> Package:
    """Say who may enrol for *name* from now on.

    Raises:
        PackageInvalid: no such way to sign in, or a domain that is none.
        PackageUnknown: no package of that name is registered.
    """
    package = find(connection, name)
    asked = tuple(dict.fromkeys(domain.lower() for domain in domains))
    if sign_in not in SIGN_INS:
        raise PackageInvalid(f"{sign_in!r} is no way to sign in: {', '.join(SIGN_INS)}")
    if wrong := [domain for domain in asked if _DOMAIN.fullmatch(domain) is None]:
        raise PackageInvalid(f"{wrong[0]!r} is no domain such as example.org")
    if asked and sign_in == "anonymous":
        raise PackageInvalid("a domain can be asked for only with the sign-in email or oidc")
    changed = dataclasses.replace(package, sign_in=sign_in, domains=asked)
    key = packages.c.id == package.id
    connection.execute(update(packages).where(key).values(settings=_dump(changed)))
    return changed


def survey(connection: Connection, name: str, questions: Sequence[Question]) -> Package:
    """Put *questions* on the consent page of *name*; its users are asked anew.

    Raises:
        PackageUnknown: no package of that name is registered.
    """
    changed = dataclasses.replace(find(connection, name), survey=tuple(questions))
    key = packages.c.id == changed.id
    connection.execute(update(packages).where(key).values(settings=_dump(changed)))
    return changed


def news(connection: Connection, name: str, latest: str | None, notice: str | None) -> Package:
    """Say what answers to uploads of *name* tell from now on; None tells nothing.

    Raises:
        PackageInvalid: no version, or no line of text.
        PackageUnknown: no package of that name is registered.
    """
    version, text = checked(latest, notice)
    changed = dataclasses.replace(find(connection, name), latest=version, notice=text)
    key = packages.c.id == changed.id
    connection.execute(update(packages).where(key).values(settings=_dump(changed)))
    return changed


def close(connection: Connection, name: str, *, closed: bool) -> Package:
    """Say whether *name* still collects; clients of a closed package are told to stop.

    Raises:
        PackageUnknown: no package of that name is registered.
    """
    changed = dataclasses.replace(find(connection, name), closed=closed)
    key = packages.c.id == changed.id
    connection.execute(update(packages).where(key).values(settings=_dump(changed)))
    return changed


def take_legacy(connection: Connection, name: str, *, on: bool) -> Package:
    """Say whether clients of otumat 0.3 may enrol for *name* and upload.

    Raises:
        PackageUnknown: no package of that name is registered.
    """
    changed = dataclasses.replace(find(connection, name), legacy=on)
    key = packages.c.id == changed.id
    connection.execute(update(packages).where(key).values(settings=_dump(changed)))
    return changed


def get(connection: Connection, name: str) -> Package | None:
    """Return the package of that name in any spelling, None when there is none."""
    if _NAME.fullmatch(name) is None:
        return None
    for row in _NAMED.rows(connection, name=canonical(name)):
        return _load(*row)
    return None


def find(connection: Connection, name: str) -> Package:
    """Return the package of that name in any spelling.

    Raises:
        PackageUnknown: none is registered.
    """
    package = get(connection, name)
    if package is None:
        known = ", ".join(names(connection)) or "none yet"
        raise PackageUnknown(f"no package {name!r} at this host (registered: {known})")
    return package


def by_id(connection: Connection, number: int) -> Package:
    """Return the package that *number* stands for in the log."""
    return _load(*connection.execute(_EVERY.where(packages.c.id == number)).one())


def names(connection: Connection) -> list[str]:
    """Return every registered name, sorted."""
    return list(connection.scalars(select(packages.c.name).order_by(packages.c.name)))


def _checked(events: Events) -> Events:
    if not isinstance(events, Mapping):
        raise PackageInvalid("declared events must be an object: {event: {property: kind}}")
    for event, properties in events.items():
        if not 1 <= len(event) <= _MAX_NAME or not event.isprintable() or event != event.strip():
            raise PackageInvalid(f"{event!r} is no event name: 1 to 100 printable characters")
        if not isinstance(properties, Mapping):
            raise PackageInvalid(f"event {event!r}: expected an object of property to kind")
        for key, kind in properties.items():
            if kind not in _KINDS:
                allowed = ", ".join(sorted(_KINDS))
                raise PackageInvalid(
                    f"event {event!r}, property {key!r}: {kind!r} is not {allowed}"
                )
    return events


def _dump(package: Package) -> str:
    fields = dataclasses.asdict(package)
    return json.dumps({key: fields[key] for key in _KEPT})


def _load(number: int, name: str, text: str) -> Package:
    kept = json.loads(text)
    kept["domains"] = tuple(kept.get("domains", ()))
    kept["survey"] = questions_of(kept.get("survey", ()))
    return Package(id=number, name=name, **kept)
