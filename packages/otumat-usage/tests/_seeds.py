"""Chance that can be repeated: seeds for the tests that take one."""

import os
import random


def pytest_generate_tests(metafunc):
    """Give each test that has a `seed` fresh ones for each run, the same in all its workers."""
    if "seed" not in metafunc.fixturenames:
        return
    pinned = os.environ.get("OTUMAT_SEED")
    draw = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.urandom(8))
    fresh = [draw.randrange(10**6) for _ in range(int(os.environ.get("OTUMAT_SEEDS", "3")))]
    metafunc.parametrize("seed", [int(pinned)] if pinned else fresh)
