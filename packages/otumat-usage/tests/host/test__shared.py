"""Laws of a shared look: one at a time, none while the last is fresh, failures never kept."""

import asyncio

import pytest

from otumat_usage.host._shared import Shared


class Looks:
    """Count looks, each of which lasts until it is let go."""

    def __init__(self):
        self.number, self.fails, self.go = 0, False, asyncio.Event()

    async def __call__(self):
        self.number += 1
        await self.go.wait()
        if self.fails:
            raise OSError("the store is gone")


def test_who_asks_while_one_looks_waits_for_that():
    async def ask():
        shared, looks = Shared(2000), Looks()
        asking = [asyncio.ensure_future(shared.true(looks, 1000)) for _ in range(20)]
        await asyncio.sleep(0)
        asking[0].cancel()
        looks.go.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        await shared.true(looks, 2999)
        assert looks.number == 1
        await shared.true(looks, 3000)
        await shared.true(looks, 10)  # the clock was set back
        return found, looks.number

    found, number = asyncio.run(ask())

    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [None] * 19
    assert number == 3


def test_a_failure_is_for_all_who_ask_and_for_nobody_later():
    async def ask():
        shared, looks = Shared(2000), Looks()
        looks.fails = True
        looks.go.set()
        found = await asyncio.gather(
            *(shared.true(looks, 1000) for _ in range(5)), return_exceptions=True
        )
        with pytest.raises(OSError, match="gone"):
            await shared.true(looks, 1001)
        looks.fails = False
        await shared.true(looks, 1002)
        return found, looks.number

    found, number = asyncio.run(ask())

    assert [str(error) for error in found] == ["the store is gone"] * 5
    assert number == 3
