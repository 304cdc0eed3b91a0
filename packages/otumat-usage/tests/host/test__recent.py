"""Laws of what was answered a moment ago: given again for so long, of so many questions."""

from otumat_usage.host._recent import Recent


def test_an_answer_is_given_again_until_it_is_too_old():
    recent = Recent(100)
    assert recent.get("asked", 0) is None

    recent.put("asked", 1000, 7)

    assert [recent.get("asked", at) for at in (1000, 1099, 1100)] == [7, 7, None]
    assert recent.get("another", 1000) is None


def test_an_answer_from_the_future_is_not_given():
    """A clock that was put back would make it last."""
    recent = Recent(100)

    recent.put("asked", 1000, 7)

    assert recent.get("asked", 999) is None


def test_the_oldest_of_very_many_is_forgotten():
    recent = Recent(100)

    for number in range(1001):
        recent.put(number, 0, number)
    recent.put(1, 1, "anew")
    recent.put(2000, 1, 2000)

    assert [recent.get(number, 1) for number in (0, 1, 2, 3, 2000)] == [None, "anew", None, 3, 2000]
    recent.clear()
    assert recent.get(3, 1) is None
