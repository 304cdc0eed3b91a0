"""The made-up year goes the way of real uploads, into a folder of its own only."""

import pytest

from otumat_usage.host import _demo_host, _log, _packages, _statistics
from otumat_usage.host._database import Database

DAY = 86_400_000
NOON = 1_780_315_200_000  # 2026-06-01T12:00:00Z


def test_a_year_is_stored_once_and_nothing_lies_in_the_future(tmp_path):
    folder = tmp_path / "demo"

    made = _demo_host.fill(folder, count=12, seed=3, now=NOON)
    again = _demo_host.fill(folder, count=12, seed=3, now=NOON)

    assert (made.installs, made.new) == (12, True)
    assert (again.installs, again.new) == (12, False)
    database = Database.open(folder)
    with database.read() as connection:
        package = _packages.find(connection, made.package)
        entries = list(_log.entries(connection, package.id))
        summary = _statistics.summarise(connection, package, NOON)
    database.close()
    assert len(entries) == made.uploads > 12
    assert max(at for entry in entries for at in entry.times) <= NOON
    assert min(at for entry in entries for at in entry.times) // DAY >= NOON // DAY - 364
    assert summary.events == sum(sum(entry.counts) for entry in entries)
    assert summary.consents["yes"] == 12
    assert {"undo", "convert units", "interpolate 3d"} <= set(summary.never_used)


def test_a_folder_with_real_packages_is_refused_and_left_as_it_is(tmp_path):
    database = Database.create(tmp_path)
    with database.write() as connection:
        _packages.add(connection, "real", NOON)
    database.close()

    with pytest.raises(_demo_host.StoreNotEmpty, match=r"holds real: .* folder of its own"):
        _demo_host.fill(tmp_path, count=1, seed=1, now=NOON)

    database = Database.open(tmp_path)
    with database.read() as connection:
        assert _packages.names(connection) == ["real"]
    database.close()
