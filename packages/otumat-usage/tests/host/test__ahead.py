"""Laws of what is worked ahead: the same answers, of the past only; no change leaves it."""

import pytest

from otumat_usage.host import _ahead, _blocks, _kept, _packages, _values
from otumat_usage.host._ahead import work_ahead
from otumat_usage.host._answers import Answers
from otumat_usage.host._bitmaps import BitMap
from otumat_usage.host._blocks import LENGTHS
from otumat_usage.host._cells import ALL, FEATURE, VERSION, Cell
from otumat_usage.host._database import blocks, delete, members, rollups, select, weeks
from otumat_usage.host._days import FOUR, block_of
from otumat_usage.host._filters import Is, Not
from otumat_usage.host._retention import Policy, let_go, set_policy
from otumat_usage.host._rights import erase
from otumat_usage.host._worker import fold_all

DAY = 86_400_000
BLOCK, LONG = 7 * FOUR, 7 * LENGTHS[0]
#: With which a long block begins, too.
START = block_of(20_605, LENGTHS[0])
LAST = START + 2 * BLOCK - 1
#: When the second of two blocks is over, and what comes late for it has come.
NOW = (LAST + 4) * DAY


def used(user, day, feature, version):
    """Return the cells of one event."""
    keys = (FEATURE, feature, day), (VERSION, version, day), (ALL, "", day)
    return {key: Cell(1, BitMap([user])) for key in keys}


def send(service):
    """Upload one event of a new install."""
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))


@pytest.fixture
def year(service):
    """A package with two blocks of use, and functions: to ask, and to tell what is held."""
    package = service.add("demo")
    database = service.host.database
    with database.beside() as connection:
        for user, day, feature, version in (
            (1, START, "fit", "1.9"),
            (1, START + 1, "plot", "1.10"),
            (2, START + 9, "fit", "1.9"),
            (2, START + BLOCK, "fit", "1.10"),
            (3, LAST, "plot", "1.10"),
        ):
            _kept.add(connection, package.id, used(user, day, feature, version))

    def ask(first=START, last=LAST):
        with database.read() as connection:
            answers = Answers(connection, package, NOW)
            answers.revision = None  # as the store says now
            return (
                answers.matrix(FEATURE, VERSION, first, last),
                answers.breakdown(FEATURE, first, last),
                answers.breakdown(VERSION, first, last),
                answers.breakdown_series(FEATURE, first, last, step="four weeks"),
                answers.latest(VERSION, first, last),
                answers.lost_without(Is(VERSION, "1.9"), first, last),
            )

    def held():
        with database.read() as connection:
            return sorted(first for first, _ in _blocks.spans(connection, package.id))

    return package, database, ask, held


def test_every_block_of_the_past_is_held_and_the_answers_stay(year):
    _, database, ask, held = year
    spans = [(START - 1, LAST), (START, LAST), (START + 1, LAST), (START, LAST - 1), (START, START)]
    before = [ask(*span) for span in spans]
    assert before[1][0].pairs == {("fit", "1.9"): 2, ("fit", "1.10"): 1, ("plot", "1.10"): 2}

    assert work_ahead(database, NOW) == 2

    assert held() == [START, START + BLOCK]
    assert [ask(*span) for span in spans] == before
    assert work_ahead(database, NOW) == 0


def test_the_sets_of_a_block_are_told_in_one_order(year):
    package, database, _, _ = year
    work_ahead(database, NOW)

    with database.read() as connection:
        found = _blocks.read(connection, package.id, _blocks.PAIRS, FOUR, (START, LAST))

    told = [names for names, _ in found[_blocks.span_of(START, FOUR)]]
    assert told == [["fit", "1.9"], ["plot", "1.10"]]


def test_a_block_that_is_held_is_asked_and_not_its_weeks(year):
    package, database, ask, _ = year
    before = ask()
    work_ahead(database, NOW)

    with database.beside() as connection:
        for table in (rollups, weeks):
            mine = (table.c.package == package.id) & (table.c.dimension != ALL)
            connection.execute(delete(table).where(mine))

    assert ask() == before


@pytest.mark.parametrize(
    ("where", "users"),
    [(Is(VERSION, "1.9"), 2), (Is(FEATURE, "plot"), 2), (Not(Is(VERSION, "1.9")), 3)],
)
def test_the_answers_about_those_of_a_filter_stay_too(year, where, users):
    package, database, _, _ = year

    def ask():
        with database.read() as connection:
            answers = Answers(connection, package, NOW)
            answers.revision = None  # as the store says now
            return (
                answers.matrix(FEATURE, VERSION, START, LAST, where=where),
                answers.breakdown(FEATURE, START, LAST, where=where),
                answers.breakdown(VERSION, START, LAST, where=where),
                answers.breakdown_series(FEATURE, START, LAST, step="four weeks", where=where),
                answers.latest(VERSION, START, LAST, where=where),
                answers.total(START, LAST, where=where),
            )

    before = ask()
    assert before[-1].users == users
    assert work_ahead(database, NOW) == 2

    assert ask() == before


def test_of_four_blocks_a_long_one_is_made_and_asked_in_their_place(year):
    package, database, ask, held = year
    with database.beside() as connection:
        _kept.add(connection, package.id, used(1, START + LONG - 1, "save", "1.9"))
    spans = [(START, START + LONG - 1), (START - 9, START + LONG + 9), (START + 1, START + LONG)]
    before = [ask(*span) for span in spans]

    assert work_ahead(database, (START + LONG + 3) * DAY) == 4

    assert held() == [START, START, START + BLOCK, START + 3 * BLOCK]
    assert [ask(*span) for span in spans] == before
    with database.beside() as connection:  # but for the steps of a series, which are short
        short = blocks.c.weeks == FOUR
        connection.execute(delete(blocks).where(short & (blocks.c.kind != _blocks.NUMBERS)))
        for table in (rollups, weeks):
            mine = (table.c.package == package.id) & (table.c.dimension != ALL)
            connection.execute(delete(table).where(mine))
    assert ask(*spans[0]) == before[0]


@pytest.mark.parametrize(
    ("module", "name", "kind", "sets"),
    [(_ahead, "_MOST", _blocks.PAIRS, 2), (_values, "MOST", VERSION, 5)],
)
@pytest.mark.parametrize("beyond", [0, 1])
def test_of_what_a_block_would_have_too_many_sets_it_has_none(
    year, monkeypatch, module, name, kind, sets, beyond
):
    """Strangers may send any number of versions; the weeks are asked then."""
    _, database, ask, _ = year
    before = ask()
    monkeypatch.setattr(module, name, sets - beyond)

    assert work_ahead(database, NOW) == 2

    with database.read() as connection:
        first = (blocks.c.day == START) & (blocks.c.kind == kind)
        assert len(connection.execute(select(blocks).where(first)).all()) == 1 - beyond
    assert ask() == before


def test_a_block_is_left_alone_while_some_of_it_may_still_come(year):
    _, database, _, held = year

    assert work_ahead(database, NOW - 1) == 1
    assert held() == [START]


def test_it_stops_when_it_is_told_to(year):
    _, database, _, held = year

    assert work_ahead(database, NOW, lambda: bool(held())) == 1


def test_what_comes_late_drops_the_block_until_the_next_time(year):
    package, database, ask, held = year
    work_ahead(database, NOW)

    with database.beside() as connection:
        _kept.add(connection, package.id, used(4, START + 20, "fit", "1.9"))

    assert held() == [START + BLOCK]
    assert ask()[0].pairs["fit", "1.9"] == 3
    assert work_ahead(database, NOW) == 1
    assert ask()[0].pairs["fit", "1.9"] == 3


def test_what_waits_to_be_counted_is_answered_and_not_held(service):
    database = service.host.database
    send(service)
    fold_all(database)
    with database.read() as connection:
        package = _packages.find(connection, "demo")
        day = Answers(connection, package, service.clock()).today
    later = (block_of(day) + BLOCK + 3) * DAY
    send(service)

    work_ahead(database, later)

    with database.read() as connection:
        start = block_of(day)
        block = _blocks.span_of(start, FOUR)
        found = _blocks.read(connection, package.id, _blocks.PAIRS, FOUR, block)
        ((_, users),) = found[block]
        assert len(BitMap.deserialize(bytes(users))) == 1
        matrix = Answers(connection, package, later).matrix(FEATURE, VERSION, start, start + BLOCK)
        assert matrix.rows == {"plot": 2}


def test_whoever_is_erased_is_in_no_block(service):
    database = service.host.database
    send(service)
    fold_all(database)
    work_ahead(database, service.clock() + 60 * DAY)
    with database.read() as connection:
        assert connection.execute(select(blocks)).all()
        (install,) = connection.scalars(select(members.c.install)).all()

    with database.write() as connection:
        erase(connection, install)

        assert not connection.execute(select(blocks)).all()


def test_whoever_is_taken_out_of_days_that_the_log_no_longer_tells_is_in_no_block(year):
    package, database, _, held = year
    work_ahead(database, NOW)

    with database.beside() as connection:
        _kept.clear(connection, package.id, 1, START + 3)

    assert held() == [START + BLOCK]


def test_a_feature_of_which_every_user_is_taken_out_is_told_as_without_blocks(year):
    package, database, ask, _ = year
    with database.beside() as connection:
        for user in (1, 3):
            _kept.clear(connection, package.id, user, LAST)
    before = ask()
    assert before[0].rows == {"fit": 1}
    assert [each.value for each in before[1]] == ["fit", "plot"]

    assert work_ahead(database, NOW) == 2

    assert ask() == before


def test_a_rebuild_leaves_no_block_of_what_it_counts_anew(year):
    package, database, _, held = year
    work_ahead(database, NOW)

    with database.beside() as connection:
        _kept.replace(connection, package.id, {}, START + BLOCK)

    assert held() == [START]


def test_days_whose_sets_are_let_go_are_in_no_block_any_more(year):
    _, database, _, held = year
    work_ahead(database, NOW)
    with database.beside() as connection:
        set_policy(connection, Policy(log_days=401, set_days=401))

    let_go(database, (START + 402) * DAY)  # the first day of the first block goes

    assert held() == [START + BLOCK]
    work_ahead(database, (START + 402) * DAY)
    assert held() == [START + BLOCK]
