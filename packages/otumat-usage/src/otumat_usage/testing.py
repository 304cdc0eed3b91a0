"""For the tests of a package that embeds `UsageAgent`: see its events without asking anybody.

::

    def test_reading_is_counted():
        with otumat_usage.testing.capture() as events:
            mypackage.read("x.csv")

        assert [event.event_type for event in events] == ["read"]
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otumat_usage import _agent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Event", "capture"]


@dataclass(frozen=True, slots=True)
class Event:
    """What one `UsageAgent.log` said: the canonical name of the package, the event, its values."""

    package: str
    event_type: str
    properties: Mapping[str, str | int | float | bool]


@contextmanager
def capture() -> Iterator[list[Event]]:
    """Collect the events of all agents of this process instead of recording them.

    Nothing is asked, stored or sent inside, whatever the user answered. And it is strict: an
    undeclared event raises `UndeclaredEventError`, a wrong argument of `UsageAgent` raises
    `ConfigurationError`, where a user's program would only drop and count them.
    """
    events: list[Event] = []
    before = _agent.sink

    def sink(agent: _agent.UsageAgent, event_type: str, values: dict[str, _agent.Value]) -> None:
        events.append(Event(agent.package, event_type, dict(values)))

    _agent.sink = sink
    try:
        yield events
    finally:
        _agent.sink = before
