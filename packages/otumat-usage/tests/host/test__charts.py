"""Laws of the plots: well-formed, escaped, every value in a tip, nothing outside the frame."""

import itertools
import xml.etree.ElementTree as ET

import pytest

from otumat_usage.host import _charts, _heat, _svg

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ["<&\"'>", "x" * 300, "c"]


def parsed(markup):
    text = str(markup).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return ET.fromstring(text)


def lines(title, items):
    labels = [name for name, _ in items]
    values = [value for _, value in items]
    return _charts.lines(title, labels, [("one", values), (NAMES[0], values)], marks=[(0, "1.0")])


def columns(title, items):
    return _charts.columns(title, [n for n, _ in items], [("one", [v for _, v in items])])


def shares(title, items):
    values = [value for _, value in items]
    series = [(name, values) for name in [*NAMES, *"defghijk"]]
    return _charts.shares(title, [name for name, _ in items], series)


def bars(title, items):
    return _charts.bars(title, [(name, value, " · 1 %") for name, value in items])


def heat(title, items):
    cells = {(i, j): value for i, (_, value) in enumerate(items) for j in range(3)}
    return _heat.heat(title, [name for name, _ in items], NAMES, cells)


@pytest.mark.parametrize("draw", [lines, columns, shares, bars, heat])
@pytest.mark.parametrize(
    "items",
    [
        [],
        [("a", 0)],
        [("a", 1)],
        [(f"name {n}", n * n * 1000) for n in range(90)],
        [("<&\"'>", 3), ("x" * 300, 7)],
    ],
    ids=["none", "zero", "one", "many", "hostile"],
)
def test_a_plot_is_well_formed_and_inside_its_frame(draw, items):
    root = parsed(draw("A <title>", items))

    _, _, width, height = map(float, root.get("viewBox").split())
    assert root.find(f"{SVG}title").text == "A <title>"
    for shape in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(shape.get(key)) for key in ("x", "y", "width", "height"))
        assert w >= 0
        assert h >= 0
        assert -0.1 <= x <= width + 0.1
        assert -0.1 <= y <= height + 0.1
        assert y + h <= height + 0.1
    for text in root.iter(f"{SVG}text"):
        assert float(text.get("y")) <= height


@pytest.mark.parametrize("draw", [lines, columns, bars, heat])
def test_every_value_stands_in_a_tip(draw):
    root = parsed(draw("t", [("first", 1234), ("<second>", 7)]))

    tips = " | ".join(tip.text for tip in list(root.iter(f"{SVG}title"))[1:])

    for text in ("first", "<second>", "1\N{NARROW NO-BREAK SPACE}234", "7"):
        assert text in tips


def test_a_value_that_is_not_known_leaves_a_gap_in_the_line():
    root = parsed(_charts.lines("t", list("abcde"), [("one", [1, 2, None, 3, 4])]))

    runs = [line.get("points").split() for line in root.iter(f"{SVG}polyline")]
    tips = [tip.text for tip in root.iter(f"{SVG}title")]

    assert [len(run) for run in runs] == [2, 2]
    assert "c: one not known" in tips


def test_more_series_than_colours_are_added_up_as_others():
    series = [(str(n), [1]) for n in range(20)]

    tips = [tip.text for tip in parsed(_charts.shares("t", ["w"], series)).iter(f"{SVG}title")]

    assert tips[-1] == "w: others 13, 65 %"
    assert len(tips) == 1 + _svg.SERIES


@pytest.mark.parametrize("draw", [lines, columns, shares, bars, heat])
def test_a_file_of_its_own_needs_no_style_sheet(draw):
    text = _svg.standalone(draw("t", [("a", 1), ("b", 2)]))

    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert "class=" not in text
    assert "var(" not in text
    assert "style" not in text


@pytest.mark.parametrize("title", ['<&> by "week"', "x" * 200])
def test_a_file_of_its_own_says_its_title_above_the_plot_and_has_white_around_it(title):
    plot = _charts.bars(title, [("a", 1, "")])
    _, _, wide, high = map(float, parsed(plot).get("viewBox").split())

    root = ET.fromstring(_svg.standalone(plot))

    left, top, whole, tall = map(float, root.get("viewBox").split())
    assert left < 0 < left + whole - wide
    assert top < 0 < top + tall - high
    said = next(text for text in root.iter(f"{SVG}text") if float(text.get("y")) < 0).text
    assert said == title or (said.endswith("…") and title.startswith(said[:-1]))
    assert root.find(f"{SVG}title").text == title


def test_scales_end_at_round_numbers():
    assert [_svg.nice(top) for top in (0, 3, 4, 5, 6, 9, 11, 21, 999, 8001)] == [
        4,
        4,
        4,
        5,
        8,
        10,
        20,
        40,
        1000,
        10_000,
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9999, "9999"), (10_000, "10k"), (1_250_000, "1.25M"), (0.5, "0.5")],
)
def test_large_numbers_are_written_short(value, text):
    assert _svg.compact(value) == text


@pytest.mark.parametrize("number", range(1, 40))
def test_heads_of_a_heat_map_do_not_touch(number):
    heads = [f"2026-{i:02}" for i in range(number)]
    drawn = parsed(_heat.heat("t", ["row"], heads, {(0, i): i for i in range(number)}))

    texts = [each for each in drawn.iter(f"{SVG}text") if each.get("y") == "14"]
    places = [(float(each.get("x")), len(each.text) * _heat._DIGIT / 2) for each in texts]
    assert places
    for (x, half), (following, other) in itertools.pairwise(places):
        assert x + half <= following - other + 0.1


@pytest.mark.parametrize(
    ("number", "value", "kind"), [(6, 123, "cell"), (14, 123, "tight"), (14, 12, "cell")]
)
def test_numbers_of_a_heat_map_keep_apart(number, value, kind):
    cells = {(0, i): value for i in range(number)}
    drawn = parsed(_heat.heat("t", ["row"], ["h"] * number, cells))

    shown = [each.get("class") for each in drawn.iter(f"{SVG}text") if each.text == str(value)]
    assert shown == [kind] * number


def test_a_number_that_a_cell_cannot_hold_is_in_its_tip_alone():
    cells = {(0, i): 12_345 for i in range(60)}
    drawn = parsed(_heat.heat("t", ["row"], ["h"] * 60, cells))

    assert not any(each.get("class") in {"cell", "tight"} for each in drawn.iter(f"{SVG}text"))
    assert {each.text.split(": ")[1] for each in drawn.iter(f"{SVG}title") if ":" in each.text}
