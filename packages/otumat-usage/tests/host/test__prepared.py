"""Laws of prepared statements: one for many rows does what one for each would do."""

import pytest

from otumat_usage.host._database import (
    IntegrityError,
    delete,
    insert,
    rollups,
    select,
    update,
)
from otumat_usage.host._prepared import _TOLD, Each
from otumat_usage.host._sql import and_

KEY = tuple(rollups.primary_key)
ODD = [
    "",
    "NULL",
    "null",
    '"',
    "\\",
    "{a,b}",
    "a b",
    "\u2003",
    "\N{SNOWMAN}",
    "it's",
    "%s",
    "%(day)s",
]


def _named(row):
    return and_(*(column == row[column.name] for column in KEY))


MADE = Each(
    lambda row: insert(rollups).from_select(
        [column.name for column in rollups.c], select(*(row[column.name] for column in rollups.c))
    ),
    *rollups.c,
)
CHANGED = Each(
    lambda row: update(rollups).where(_named(row)).values(events=row["events"], bits=row["bits"]),
    *rollups.c,
)
GONE = Each(lambda row: delete(rollups).where(_named(row)), *KEY)
FOUND = Each(lambda row: select(rollups).where(_named(row)), *KEY)


@pytest.fixture
def connection(service):
    with service.host.database.write() as connection:
        yield connection


def rows(values, day=1):
    """Return a cell for each of *values*; every second one has no set."""
    return [
        {
            "package": 1, "dimension": "feature", "day": day, "value": value,
            "events": 2**40 + place, "users": place,
            "bits": bytes([0, place % 256]) if place % 2 else None,
        }
        for place, value in enumerate(values)
    ]  # fmt: skip


def kept(connection):
    return sorted(map(tuple, connection.execute(select(rollups))))


def plain(made):
    return sorted(tuple(row[column.name] for column in rollups.c) for row in made)


def test_more_rows_than_one_statement_is_told_are_made_changed_found_and_dropped(connection):
    made = rows([str(number) for number in range(_TOLD + 7)])
    changed = [row | {"events": 3, "bits": None} for row in made[: _TOLD + 1]]

    MADE.run(connection, made)
    assert kept(connection) == plain(made)
    CHANGED.run(connection, iter(changed))
    assert kept(connection) == plain(changed + made[_TOLD + 1 :])
    assert sorted(map(tuple, FOUND.rows(connection, made))) == kept(connection)
    GONE.run(connection, made[3:])
    assert kept(connection) == plain(changed[:3])


def test_any_text_is_told_as_it_is(connection):
    made = rows(ODD)

    MADE.run(connection, made)

    assert kept(connection) == plain(made)
    assert sorted(map(tuple, FOUND.rows(connection, made))) == plain(made)


def test_of_no_rows_nothing_is_asked(connection):
    MADE.run(connection, rows(ODD))

    GONE.run(connection, [])

    assert list(FOUND.rows(connection, [])) == []
    assert len(kept(connection)) == len(ODD)


def test_a_row_that_is_there_already_is_refused(connection):
    made = rows(["a", "b"])
    MADE.run(connection, made)

    with pytest.raises((IntegrityError, connection.dialect.loaded_dbapi.IntegrityError)):
        MADE.run(connection, made[1:])
