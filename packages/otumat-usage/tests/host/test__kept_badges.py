"""Laws of the badges that are kept ready: the answer, or a moment behind it, and never more."""

import json

import pytest

from otumat_usage.host import _care, _kept_badges, _packages, _public
from otumat_usage.host._database import log, select, settings, update
from otumat_usage.host._generation import begin_another
from otumat_usage.host._rights import erase
from otumat_usage.host._settings import recall, remember

METRIC = "users"


@pytest.fixture
def demo(service):
    """The package `demo`, published, with ways to use it, and to keep and read its badges."""
    return Demo(service)


class Demo:
    def __init__(self, service):
        self.service = service
        self.database = service.host.database
        self.publish(on=True)

    def publish(self, *, on):
        with self.database.write() as connection:
            _public.publish(connection, _packages.find(connection, "demo"), on=on)

    def use(self, people, *, counted=True, **context):
        """Have so many new people send something; return their installs."""
        every = [self.service.enrol() for _ in range(people)]
        for tokens in every:
            changes = {"context": context} if context else {}
            self.service.upload(tokens, self.service.batch(tokens, "plot", **changes))
        if counted:
            self.count()
        return [bytes.fromhex(tokens["install_id"].replace("-", "")) for tokens in every]

    def count(self):
        _care.roll_up(self.database.path.parent, anew=False)

    def keep(self, **how):
        return _kept_badges.keep(self.database, self.service.clock(), **how)

    def said(self):
        """Return the users of a month as they are kept; "" where they must be worked out."""
        with self.database.read(single=True) as connection:
            found = _kept_badges.said(connection, "demo", self.service.clock())
        return None if found is None else found.get(METRIC, "")

    def shown(self):
        answer = self.service.browser.get(f"/badge/demo/{METRIC}.json")
        return answer.json()["message"] if answer.status_code == 200 else answer.status_code

    def kept(self):
        with self.database.read() as connection:
            package = _packages.find(connection, "demo").id
            return recall(connection, f"badges:{package}")


@pytest.mark.parametrize(("people", "said", "shown"), [(0, None, "fewer than 10"), (12, 10, "10+")])
def test_what_is_kept_is_what_would_be_worked_out(demo, people, said, shown):
    demo.use(people)
    assert (demo.said(), demo.shown()) == ("", shown)

    assert demo.keep() == 1

    assert (demo.said(), demo.shown()) == (said, shown)


def test_a_badge_says_what_is_kept(demo):
    demo.use(12)
    demo.keep()
    with demo.database.read() as connection:
        name = f"badges:{_packages.find(connection, 'demo').id}"
        kept = recall(connection, name)
    with demo.database.write() as connection:
        remember(connection, name, kept.replace('"users": 10,', '"users": 1230,'))

    assert demo.shown() == "1230+"  # which nobody would work out


def test_a_package_that_cannot_be_read_keeps_no_other_s_badges_waiting(demo):
    """It is the first of them, and of an upload that waits to be counted."""
    service = demo.service
    demo.use(1, counted=False)
    other = service.add("other")
    with demo.database.write() as connection:
        _public.publish(connection, other, on=True)
        broken = _packages.find(connection, "demo").id
        connection.execute(update(log).where(log.c.package == broken).values(body=b"\xff"))

    with pytest.raises(ValueError, match="Expected"):
        demo.keep()

    with demo.database.read() as connection:
        assert recall(connection, f"badges:{other.id}") is not None
        assert recall(connection, f"badges:{broken}") is None


def test_only_what_has_passed_the_gate_is_kept(demo):
    demo.use(13)
    demo.use(9, ci=True, python="3.12")

    demo.keep()

    assert json.loads(demo.kept())["users"] == dict.fromkeys(_public._badges.METRICS, 10)


def test_what_is_still_the_answer_is_said_all_day_and_not_made_anew(demo):
    demo.use(12)
    assert demo.keep() == 1

    demo.service.clock.forward(seconds=11 * 3600)

    assert demo.said() == 10
    assert demo.keep() == 0


def test_another_day_is_another_answer(demo):
    demo.use(12)
    demo.keep()

    demo.service.clock.forward(seconds=12 * 3600)

    assert demo.said() == ""
    assert demo.keep() == 1
    assert demo.said() == 10


def test_what_was_overtaken_is_made_anew_once_a_minute(demo):
    demo.use(12)
    assert demo.keep() == 1
    demo.use(10)
    assert demo.keep() == 0
    assert demo.shown() == "10+"

    demo.service.clock.forward(seconds=60)

    assert demo.keep() == 1
    assert demo.shown() == "20+"


@pytest.mark.parametrize("counted", [False, True])
def test_what_was_overtaken_is_said_for_three_minutes_at_most(demo, counted):
    """Whether it is counting that does not come, or keeping."""
    demo.use(12)
    demo.keep()
    demo.use(10, counted=counted)

    demo.service.clock.forward(seconds=179)
    assert demo.shown() == "10+"
    demo.service.clock.forward(seconds=1)
    assert demo.shown() == "20+"


@pytest.mark.parametrize("moved", [-181, -86_400, 86_400])
def test_of_a_clock_that_has_moved_nothing_old_is_said(demo, moved):
    demo.use(12)
    demo.keep()
    demo.use(10)

    demo.service.clock.forward(seconds=moved)

    assert demo.said() == ""


def test_what_a_clock_a_little_ahead_of_ours_has_kept_is_said(demo):
    demo.use(12)
    demo.keep()
    demo.use(10)

    demo.service.clock.forward(seconds=-2)

    assert demo.said() == 10


def test_who_is_erased_leaves_the_badge_also_when_they_were_never_counted(demo):
    """Nothing says then that what is counted has changed."""
    demo.use(9)
    (last,) = demo.use(1, counted=False)
    demo.keep()
    assert demo.shown() == "10+"

    with demo.database.write() as connection:
        erase(connection, last)
    demo.service.clock.forward(seconds=180)

    assert demo.shown() == "fewer than 10"
    assert demo.keep() == 1
    assert demo.said() is None


def test_what_is_not_published_is_neither_kept_nor_said(demo):
    demo.use(12)
    demo.publish(on=False)

    assert demo.keep() == 0
    assert demo.kept() is None
    assert demo.said() is None


def test_a_page_that_is_closed_is_closed_at_once(demo):
    demo.use(12)
    demo.keep()
    assert demo.shown() == "10+"

    demo.publish(on=False)

    assert demo.shown() == 404


def test_what_was_worked_out_before_a_restore_is_not_kept_after_it(demo):
    """The number of the package may be another package's by then."""
    demo.use(12)

    def restored():
        with demo.database.write() as connection:
            begin_another(connection)
        return False

    assert demo.keep(stopping=restored) == 0
    assert demo.kept() is None
    assert demo.keep() == 1


def test_a_host_that_stops_leaves_the_rest(demo):
    assert demo.keep(stopping=lambda: True) == 0
    assert demo.kept() is None


def test_each_package_has_its_own(demo):
    demo.use(12)
    with demo.database.write() as connection:
        _public.publish(connection, _packages.add(connection, "other", 0), on=True)

    assert demo.keep() == 2
    with demo.database.read() as connection:
        found = {
            name: _kept_badges.said(connection, name, demo.service.clock())[METRIC]
            for name in ("Demo", "other")
        }
        names = connection.scalars(select(settings.c.name)).all()
    assert found == {"Demo": 10, "other": None}
    assert len([name for name in names if name.startswith("badges:")]) == 2

    with demo.database.write() as connection:
        _kept_badges.forget(connection)
    assert demo.said() == ""
