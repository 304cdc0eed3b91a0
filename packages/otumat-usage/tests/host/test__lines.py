"""Laws of long answers: they take no memory, and nothing stays of them."""

import json
import tracemalloc

from otumat_usage.host._lines import gathered


def test_more_lines_than_fit_are_held_by_the_disk():
    things = ({"row": "x" * 100_000, "number": n} for n in range(200))

    tracemalloc.start()
    with gathered(things) as file:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        size = file.tell()
        file.seek(0)
        numbers = [json.loads(line)["number"] for line in file]

    assert size > 20_000_000
    assert most < 5_000_000
    assert numbers == list(range(200))


def test_nothing_makes_no_file():
    assert gathered([]) is None
