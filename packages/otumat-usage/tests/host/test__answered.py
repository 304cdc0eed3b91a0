"""Laws of what answers are made of: versions have one order, whoever sorts them."""

import itertools

from otumat_usage.host._answered import by_version


def test_versions_are_in_the_order_of_their_numbers():
    order = ["", "0.9", "1.0", "1.0.1", "1.9", "1.10", "2.0", "dev"]
    keys = [by_version(text) for text in order]

    assert keys == sorted(keys)


def test_versions_of_the_same_numbers_have_one_order_too():
    """A set gives them in another one in each process, and a block holds what one of them saw."""
    same = ["1.0", "1.00", "01.0", "1.000"]

    orders = {tuple(sorted(each, key=by_version)) for each in itertools.permutations(same)}

    assert len(orders) == 1
