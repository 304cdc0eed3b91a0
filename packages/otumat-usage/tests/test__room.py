"""What waits for an uploader that never comes stays within a cap, and nothing goes uncounted."""

import time

from otumat_usage import _room, _spool


def test_spools_that_nobody_takes_stay_within_the_cap(agent, data, drain):
    """As on a machine that is never online: the oldest go, and every event of theirs is counted."""
    number, size = 60_000, 60
    for event in range(number):
        agent.log(event_type=f"{event:06}{'x' * (size - 6)}")
    agent.seal()

    assert sum(file.stat().st_size for file in list(data.rglob("*.spool"))) <= _room.MAX_BYTES
    events, dropped, _ = drain()
    assert events[-1].startswith(f"{number - 1:06}")
    assert len(events) + dropped["overflow"] == number


def test_many_short_processes_that_nobody_takes_stay_within_the_cap(
    agent, data, drain, monkeypatch
):
    monkeypatch.setattr(_room, "MAX_FILES", 40)
    for event in range(100):
        agent.log(event_type=f"{event:03}")
        agent.seal()

    assert len(list(data.rglob("*.spool"))) == 40
    events, dropped, _ = drain()
    assert events == [f"{event:03}" for event in range(60, 100)]
    assert dropped["overflow"] == 60


def test_a_small_file_counts_as_the_block_that_it_takes(agent, data, drain, monkeypatch):
    monkeypatch.setattr(_room, "MAX_BYTES", _spool.SEAL_BYTES + 10 * 4096)
    for event in range(20):
        agent.log(event_type=f"{event:02}")
        agent.seal()
    (folder,) = {file.parent for file in data.rglob("*.spool")}

    assert _room.make(str(folder), [file.name for file in folder.iterdir()]) == 10
    assert drain()[0] == [f"{event:02}" for event in range(10, 20)]


def test_fewer_files_than_many_are_never_too_much():
    assert _spool.MANY * (_spool.SEAL_BYTES + 4096) <= _room.MAX_BYTES
    assert _spool.MANY < _room.MAX_FILES


def test_a_spool_that_is_being_made_is_left_to_its_maker(agreed, monkeypatch):
    monkeypatch.setattr(_room, "MAX_FILES", 1)
    folder = agreed / "spool"
    folder.mkdir()
    part = folder / f"{int(time.time()):014x}-x.spool.part"
    part.touch()

    assert _room.make(str(folder), [part.name]) == 0
    assert part.exists()
