"""Laws of the blocks that are read: the longest there are, and none in which something waits."""

import pytest

from otumat_usage.host import _blocks
from otumat_usage.host._bitmaps import BitMap
from otumat_usage.host._cells import FEATURE
from otumat_usage.host._days import FOUR, block_of
from otumat_usage.host._held_blocks import HeldBlocks

SHORT, LONG = 7 * FOUR, 7 * _blocks.LENGTHS[0]
START = block_of(20_605, _blocks.LENGTHS[0])


@pytest.mark.parametrize(
    ("waiting", "found"),
    [
        ([], [(0, LONG)]),
        ([-7, LONG], [(0, LONG)]),
        ([0], [(SHORT, SHORT), (2 * SHORT, SHORT), (3 * SHORT, SHORT)]),
        ([SHORT - 7], [(SHORT, SHORT), (2 * SHORT, SHORT), (3 * SHORT, SHORT)]),
        ([SHORT], [(0, SHORT), (2 * SHORT, SHORT), (3 * SHORT, SHORT)]),
        ([0, SHORT + 7, LONG - 7], [(2 * SHORT, SHORT)]),
    ],
)
def test_a_block_is_read_unless_something_waits_in_any_of_its_weeks(service, waiting, found):
    package = service.add("demo").id
    kinds = {FEATURE: [(["fit", 2, 1], BitMap([1]))]}
    with service.host.database.beside() as connection:
        for place in range(4):
            _blocks.keep(connection, package, START + place * SHORT, FOUR, kinds)
        _blocks.keep(connection, package, START, _blocks.LENGTHS[0], kinds)

        held = HeldBlocks(connection, package, [START + day for day in waiting])
        cells = held.cells(FEATURE, (START - 1, START + LONG))

    assert sorted(cells) == [(START + a, START + a + days - 1) for a, days in found]
    assert all(cell["fit"].events == 2 for cell in cells.values())
