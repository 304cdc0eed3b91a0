"""Laws of the terminal's tables: each number stands there, long lists say what is left out."""

from otumat_usage.host import _terminal
from otumat_usage.host._exhibit import Exhibit


def test_a_breakdown_is_a_table_with_bars():
    found = Exhibit("os", "Systems", ("System", "Users"), [("Linux", 40), ("x" * 60, 10)])

    text = _terminal.as_text(found).splitlines()

    assert text[0] == "Systems"
    assert text[2].split() == ["Linux", "40", "█" * 20]
    assert text[3].split() == ["x" * 39 + "…", "10", "█" * 5]


def test_a_series_is_a_line_with_its_last_value():
    rows = [("2026-01-03", 8, "2.0"), ("2026-01-02", None, ""), ("2026-01-01", 0, "")]

    text = _terminal.as_text(Exhibit("a", "Active", ("Day (UTC)", "Users", "Release"), rows))

    assert "2026-01-01 to 2026-01-03" in text
    assert text.splitlines()[-1].split() == ["Users", "8", "▁·█"]


def test_a_long_table_says_how_much_is_left_out_and_an_empty_one_why():
    rows = [(str(n), n) for n in range(50)]

    assert "… and 20 more" in _terminal.as_text(Exhibit("a", "A", ("n", "Users"), rows))
    assert _terminal.as_text(Exhibit("a", "A", ("n",), [], empty="None yet.")) == "A\n  None yet."
