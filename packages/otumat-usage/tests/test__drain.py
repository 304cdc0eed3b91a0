"""From spools to the outbox: what a yes covers is taken in once, and what is torn is counted."""

import os
import time

import pytest

from otumat_usage import UsageAgent, _answer, _drain, _outbox, _schema

from ._spools import spools

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


def test_a_spool_is_taken_in_once_even_if_it_was_not_removed(agent, data, drain, monkeypatch):
    """As after a kill between the commit and the removal."""

    def killed(*_):
        raise KeyboardInterrupt

    agent.log(event_type="one")
    agent.seal()
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            drain()

    assert len(spools(data)) == 1
    assert drain() == (["one"], {}, 0)
    assert spools(data) == []


@pytest.mark.parametrize(
    ("damage", "events", "dropped"),
    [
        (lambda text: text[:-5], ["one", "two"], {"torn": 1}),
        (lambda text: text + "4\t17638", ["one", "two", "three"], {"torn": 1}),
        (lambda text: text + "nonsense\n", ["one", "two", "three"], {"torn": 1}),
        (lambda text: text + "\0\0\0\0\n\n", ["one", "two", "three"], {"torn": 2}),
        (lambda text: text + "!\tdisk\t7\n", ["one", "two", "three"], {"disk": 7}),
        (lambda text: text + "!\tdisk\tmany\n", ["one", "two", "three"], {"torn": 1}),
        (lambda _: "", [], {}),
        (lambda text: text.replace("\t1.any\t", "\t1.any\tx"), [], {}),
        (lambda _: "otumat-spool 9\tx\n1\t2\tone\n", [], {}),
    ],
    ids=[
        "cut",
        "half a line",
        "nonsense",
        "zeros",
        "confessed",
        "misspelt",
        "empty",
        "other consent",
        "newer",
    ],
)
def test_torn_lines_are_passed_over_and_counted(agent, data, drain, damage, events, dropped):
    for name in ("one", "two", "three"):
        agent.log(event_type=name)
    agent.seal()
    (file,) = spools(data)
    file.write_text(damage(file.read_text()))

    assert drain() == (events, dropped, 0)


def test_a_file_that_never_became_a_spool_is_removed_after_a_day(agent, data, drain):
    agent.log(event_type="one")
    folder = spools(data)[0].parent
    for name, age in (("new", 3600), ("old", 90000)):
        path = folder / f"{name}.spool.part"
        path.touch()
        os.utime(path, (time.time() - age,) * 2)

    drain()
    assert [path.name for path in folder.glob("*.part")] == ["new.spool.part"]
