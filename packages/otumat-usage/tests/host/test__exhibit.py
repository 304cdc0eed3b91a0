"""Laws of the files: every number that the table has, and no formula for a spreadsheet."""

import csv
import io
import json

import pytest

from otumat_usage.host import _exhibit
from otumat_usage.host._charts import bars


@pytest.fixture(name="found")
def _found():
    rows = [
        ("=cmd|' /C calc'!A0", 3, 1.5),
        ('a,"b"\n', None, None),
        ("-2", -2, 0.0),
        ("@x", 1, 1.0),
    ]
    return _exhibit.Exhibit(
        "features", "Features", ("Name", "Users", "Share"), rows, lambda: bars("t", [("a", 1, "")])
    )


def test_csv_holds_every_cell_and_starts_no_formula(found):
    rows = list(csv.reader(io.StringIO(_exhibit.as_csv(found))))

    assert rows[0] == ["Name", "Users", "Share"]
    assert [row[1:] for row in rows[1:]] == [["3", "1.5"], ["", ""], ["-2", "0.0"], ["1", "1.0"]]
    assert [row[0] for row in rows[1:]] == ["'=cmd|' /C calc'!A0", 'a,"b"\n', "'-2", "'@x"]


def test_json_names_each_cell(found):
    data = json.loads(_exhibit.write(found, "json"))

    assert data["name"] == "features"
    assert data["rows"][0] == {"Name": "=cmd|' /C calc'!A0", "Users": 3, "Share": 1.5}
    assert data["rows"][1]["Users"] is None


def test_json_loses_no_cell_of_columns_with_one_head():
    """A version may be called like the column of the features, or like one that was numbered."""
    heads = ("Feature", "1.0", "Feature", "Feature (2)", "Feature")
    found = _exhibit.Exhibit("x", "X", heads, [("fit", 1, 2, 3, 4)])

    (row,) = json.loads(_exhibit.write(found, "json"))["rows"]

    assert row == {
        "Feature": "fit", "1.0": 1, "Feature (3)": 2, "Feature (2)": 3, "Feature (4)": 4,
    }  # fmt: skip
    assert list(row) == _exhibit.keys(found)


def test_what_is_only_a_table_has_no_svg():
    plain = _exhibit.Exhibit("x", "X", ("a",), [("b",)])

    assert _exhibit.write(plain, "svg") is None
