"""Ask a host elsewhere for its answers, with a personal token, as if its folder were here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from otumat_usage import _origin
from otumat_usage._http import Client
from otumat_usage.exceptions import HostError
from otumat_usage.host._api_tokens import is_personal
from otumat_usage.host._days import day_number
from otumat_usage.host._errors import TokenInvalid
from otumat_usage.host._exhibit import Exhibit
from otumat_usage.host._statistics import Feature, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Remote"]

_SECONDS = 60.0
_LARGEST = 64 * 1024 * 1024
_OK = 200
#: What an answer of another shape makes of our reading it: too deep, or no number, included.
_STRANGE = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


class Remote:
    """A host elsewhere.

    Args:
        url: Its address: https, or http on this machine.
        token: A personal token of it.

    Raises:
        ConfigurationError: *url* is no such address.
        TokenInvalid: *token* is none; nothing was sent anywhere.
    """

    def __init__(self, url: str, token: str) -> None:
        if not is_personal(token):
            raise TokenInvalid("what was given is no personal token of a host (otu_pt_...)")
        self._origin = _origin.of(url)
        self._token = token

    def summary(self, package: str) -> Summary:
        """Return the summary of *package*.

        Raises:
            HostError: it did not answer, refused, or its answer is no summary.
        """
        try:
            with Client(self._origin, seconds=_SECONDS) as client:
                return _summary(self._get(client, package))
        except _STRANGE as error:
            raise self._strange() from error

    def exhibits(
        self, package: str, wanted: Iterable[str], given: Mapping[str, str]
    ) -> list[Exhibit]:
        """Return the *wanted* answers about *package* to what is *given*, as `ask` takes it.

        Raises:
            HostError: it did not answer, refused, or its answers are none.
        """
        try:
            with Client(self._origin, seconds=_SECONDS) as client:
                return [_exhibit(self._get(client, package, name, given)) for name in wanted]
        except _STRANGE as error:
            raise self._strange() from error

    def _get(self, client: Client, *steps: str | Mapping[str, str]) -> dict[str, Any]:
        words = [quote(step, safe="") for step in steps if isinstance(step, str)]
        query = "".join(f"?{urlencode(step)}" for step in steps if not isinstance(step, str))
        route = "/".join(["/api/stats", *words]) + query
        headers = {"authorization": f"Bearer {self._token}"}
        reply = client.fetch(route, headers, limit=_LARGEST)
        if reply.status != _OK:
            told = reply.parsed().get("detail")
            why = f": {_plain(told)}" if isinstance(told, str) and told else ""
            raise HostError(f"{self._origin} answered {reply.status}{why}")
        found = _cleaned(reply.parsed())
        assert isinstance(found, dict)  # noqa: S101 - for the type checker
        return found

    def _strange(self) -> HostError:
        return HostError(f"{self._origin} answered what is no report: is it a usage host?")


def _cleaned(value: object) -> object:
    """Return *value* without what could steer a terminal: it comes from elsewhere."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {_plain(key): _cleaned(each) for key, each in value.items()}
    return value


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _exhibit(found: Mapping[str, Any]) -> Exhibit:
    heads = tuple(str(head) for head in found["heads"])
    rows = [tuple(_cell(row[head]) for head in heads) for row in found["rows"]]
    return Exhibit(
        str(found["name"]),
        str(found["title"]),
        heads,
        rows,
        note=str(found["note"]),
        empty=str(found["empty"]),
    )


def _cell(value: object) -> str | int | float | None:
    if value is not None and not isinstance(value, (str, int, float)):
        raise TypeError("no cell of a table")
    return value


def _summary(found: Mapping[str, Any]) -> Summary:
    often = found["per_active_day"]
    return Summary(
        package=str(found["package"]),
        today=day_number(found["today"]),
        installs=int(found["installs"]),
        active={int(span): int(users) for span, users in found["active"].items()},
        events=int(found["events"]),
        per_active_day=None if often is None else float(often),
        active_days=[int(users) for users in found["active_days"]],
        days=[(day_number(d["day"]), int(d["users"]), int(d["events"])) for d in found["days"]],
        features=[
            Feature(
                str(f["name"]), int(f["users"]), None if f["events"] is None else int(f["events"])
            )
            for f in found["features"]
        ],
        never_used=[str(name) for name in found["never_used"]],
        dimensions={
            str(name): [(str(value), int(users)) for value, users in rows.items()]
            for name, rows in found["dimensions"].items()
        },
        consents={str(name): int(count) for name, count in found["consents"].items()},
        health={str(name): int(count) for name, count in found["health"].items()},
    )
