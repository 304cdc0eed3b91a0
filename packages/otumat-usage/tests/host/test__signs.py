"""Laws of what a sign says: each number has its unit, and one is not many."""

from otumat_usage.host import _signs

HOUR, DAY = 3_600_000, 86_400_000
TODAY = 20_605  # 2026-06-01, a Monday


def said(**numbers):
    usual = dict.fromkeys(range(TODAY - 63, TODAY), 200)
    given = {
        "now": TODAY * DAY + 12 * HOUR, "first": TODAY - 63, "last": TODAY * DAY, "closed": False,
        "uploads": dict.fromkeys(usual, 40), "events": usual, "installs": {},
        "bad": {TODAY - 1: 0, TODAY: 0}, "lost": 0,
    }  # fmt: skip
    numbers = _signs.Numbers(**given | numbers)
    return {s.kind: s.text for s in _signs.judge(numbers, _signs.Losses(TODAY, 0)) if s.text}


def test_many_are_said_with_their_unit():
    found = said(installs={TODAY: 12}, bad={TODAY - 1: 0, TODAY: 30})

    assert found["silence"].startswith("the last upload came 12 hours ago; in such a time about 20")
    assert found["events"].startswith("200 events on 2026-05-31; 600 on a Sunday would be")
    assert found["installs"].startswith("12 new installs on 2026-06-01; 10 on a Monday would be")
    assert found["errors"].startswith("30 events refused, dropped or lost on 2026-06-01")


def test_one_is_said_as_one():
    one = {"events": {TODAY: 1}, "installs": {TODAY: 1}, "bad": {TODAY - 1: 0, TODAY: 1}}
    found = said(**one, last=TODAY * DAY + 11 * HOUR)

    assert found["silence"].startswith("the last upload came 1 hour ago")
    assert found["events"].startswith("1 event on 2026-06-01")
    assert found["installs"].startswith("1 new install on 2026-06-01")
    assert found["errors"].startswith("1 event refused, dropped or lost on 2026-06-01")
