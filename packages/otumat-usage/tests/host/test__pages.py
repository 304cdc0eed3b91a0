"""Laws of the pages: what stands in a table is escaped, and leads to its users where it can."""

import pytest

from otumat_usage.host._exhibit import Exhibit
from otumat_usage.host._pages import _rows


def written(*row, dimension="", only=None):
    """Return the row of a table that has only this one."""
    return str(_rows(Exhibit("x", "X", ("Name",) * len(row), [row], dimension=dimension), only))


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, "<td>\u2013</td>"),
        (0, "<td>0</td>"),
        (1234567, "<td>1\u202f234\u202f567</td>"),
        (1.0, "<td>1.0</td>"),
        (12.345, "<td>12.3</td>"),
        ("3.12", '<td class="text">3.12</td>'),
        ('<i a="1">&', '<td class="text">&lt;i a=&#34;1&#34;&gt;&amp;</td>'),
    ],
)
def test_a_cell_is_written_as_what_it_is(cell, shown):
    assert written("a", cell) == f'<tr><th scope="row">a</th>{shown}</tr>\n'


def test_a_name_leads_to_its_users():
    def only(dimension, name):
        return f'/p/demo?where={dimension}="{name}"&days=7'

    row = written("<b>", dimension="feature", only=only)

    address = "/p/demo?where=feature=&#34;&lt;b&gt;&#34;&amp;days=7"
    link = f'<a href="{address}" title="only users of this">&lt;b&gt;</a>'
    assert row == f'<tr><th scope="row">{link}</th></tr>\n'


def test_what_is_not_known_leads_nowhere():
    assert written("unknown", dimension="os") == '<tr><th scope="row">unknown</th></tr>\n'
