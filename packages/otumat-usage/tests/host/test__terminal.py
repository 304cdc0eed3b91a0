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
    assert text.splitlines()[-2].split() == ["Users", "8", "▁·█"]
    assert text.splitlines()[-1].split() == ["Release", "2.0", "(2026-01-03)"]


def test_what_is_counted_from_few_to_many_runs_that_way_and_tells_its_sum():
    found = Exhibit("a", "How often", ("Days active", "Users"), [("1", 8), ("2", 4), ("3", 0)])

    assert _terminal.as_text(found).splitlines()[1:] == ["  1 to 3 days", "  Users        12  █▄▁"]


def test_words_stand_at_the_left_and_have_no_bars_beside_them():
    found = Exhibit("a", "A", ("What", "Number", "Meaning"), [("up", 9, "x" * 50), ("no", 1, "")])

    assert _terminal.as_text(found).splitlines()[1:] == [
        "  What  Number  Meaning",
        "  up         9  " + "x" * 50,
        "  no         1",
    ]


def test_bars_show_what_the_plot_shows_and_none_a_matrix():
    heads = ("If we drop", "Used it", "Used nothing else", "Share of users, %")
    drop = Exhibit("drop", "Drop", heads, [("3.9", 9, 1, 10.0), ("3.10", 8, 4, 40.0)])
    matrix = Exhibit("m", "M", ("Python", "Linux", "macOS"), [("3.9", 9, 1)])

    assert [line.count("█") for line in _terminal.as_text(drop).splitlines()] == [0, 0, 5, 20]
    assert "█" not in _terminal.as_text(matrix)


def test_no_line_is_wider_than_the_terminal_and_no_cell_is_lost():
    heads = ("Feature", *(f"2026-0{month}-01" for month in range(1, 10)))
    rows = [(name, *range(start, start + 9)) for name, start in (("plot", 100), ("fit", 200))]

    lines = _terminal.as_text(Exhibit("a", "A", heads, rows), width=60).splitlines()

    assert max(map(len, lines)) <= 60
    assert [line.split()[0] for line in lines[1:]] == ["Feature", "plot", "fit"] * 3
    told = [int(word) for line in lines for word in line.split() if word.isdecimal()]
    assert sorted(told) == [*range(100, 109), *range(200, 209)]


def test_bars_become_shorter_and_then_go_where_there_is_little_room():
    found = Exhibit("os", "Systems", ("System", "Users"), [("Linux", 40)])

    longest = [_terminal.as_text(found, width=width).count("█") for width in (80, 30, 24, 20)]

    assert longest == [20, 13, 7, 0]


def test_a_long_table_says_how_much_is_left_out_and_an_empty_one_why():
    rows = [(str(n), n) for n in range(50)]

    assert "… and 20 more" in _terminal.as_text(Exhibit("a", "A", ("n", "Users"), rows))
    assert _terminal.as_text(Exhibit("a", "A", ("n",), [], empty="None yet.")) == "A\n  None yet."
