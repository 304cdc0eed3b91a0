"""Laws of the plots: well-formed, escaped, every value in a tip, nothing outside the frame."""

import xml.etree.ElementTree as ET

import pytest

from otumat_usage.host import _charts

SVG = "{http://www.w3.org/2000/svg}"


def parsed(markup):
    text = str(markup).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return ET.fromstring(text)


@pytest.mark.parametrize("draw", [_charts.line, _charts.columns, _charts.bars])
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
    tips = [tip.text for tip in root.iter(f"{SVG}title")][1:]
    assert tips == [f"{name}: {value}" for name, value in items]
    for shape in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(shape.get(key)) for key in ("x", "y", "width", "height"))
        assert -0.1 <= x <= width + 0.1
        assert -0.1 <= y <= height + 0.1
        assert w >= 0
        assert h >= 0
        assert y + h <= height + 0.1


def test_scales_end_at_round_numbers():
    assert [_charts._nice(top) for top in (0, 3, 4, 5, 6, 9, 11, 21, 999, 8001)] == [
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
