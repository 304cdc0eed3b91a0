"""Laws of secrets: what is signed is one thing and no other."""

import itertools

from otumat_usage.host._secrets import is_secret, new_secret, sign_form


def test_no_two_lists_of_parts_are_signed_alike():
    texts = ["".join(each) for n in range(3) for each in itertools.product("\0\1\2a", repeat=n)]
    lists = [parts for n in range(1, 4) for parts in itertools.product(texts, repeat=n)]

    marks = {sign_form("key", *parts) for parts in lists}

    assert len(marks) == len(lists)


def test_a_secret_is_known_by_its_shape():
    assert is_secret(new_secret())
    for other in ("", "sealed", f"{new_secret()}\n", f"{new_secret()[:-1]}.", new_secret()[:-1]):
        assert not is_secret(other)
