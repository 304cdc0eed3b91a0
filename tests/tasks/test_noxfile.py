"""The task file is the table of contents: sessions with a line each."""

from __future__ import annotations

import ast

from tasks._facts import ROOT

FUNCTIONS = [
    node
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body
    if isinstance(node, ast.FunctionDef)
]


def test_every_session_is_listed_with_what_it_does():
    sessions = [f for f in FUNCTIONS if f.decorator_list]
    bare = [f.name for f in sessions if not ast.get_docstring(f)]

    assert sessions
    assert bare == []
