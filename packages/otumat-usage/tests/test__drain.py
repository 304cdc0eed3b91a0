"""The way from spools to the outbox: what a yes covers is taken, whenever the yes was given."""

import pytest

from otumat_usage import UsageAgent, _answer, _drain, _outbox, _schema

ORIGIN = "https://x.example"
EVENTS = {"import": {}}


class _Meanwhile:
    """An outbox during whose first use its user agrees to a new text, and a program records."""

    def __init__(self, outbox, act):
        self._outbox = outbox
        self._act = act

    def __getattr__(self, name):
        act, self._act = self._act, lambda: None
        act()
        return getattr(self._outbox, name)


@pytest.mark.parametrize("spooled", [True, False])
def test_the_first_event_of_a_yes_given_during_a_drain_is_not_lost(agreed, agent, spooled):
    """To the answer as it was read before, it would look like what nobody agreed to."""
    home = str(agreed)
    if spooled:
        agent.log(event_type="earlier")
        agent.seal()

    def agree_and_record():
        _answer.say_yes(home, "p", ORIGIN, _schema.text_id(EVENTS), "test")
        new = UsageAgent(
            author="a", data_directory="d", package_name="p", host=ORIGIN, events=EVENTS
        )
        new.log(event_type="import")
        new.seal()

    with _outbox.free(home) as outbox:
        _drain.drain(_Meanwhile(outbox, agree_and_record), home, "p")
        _drain.drain(outbox, home, "p")
        found = outbox._db.execute("SELECT type FROM event").fetchall()

    assert [name for (name,) in found] == ["import"]
