"""Laws of what is told."""

import io
import json

import pytest

from otumat_watch._change import Change
from otumat_watch._report import JsonReport, PlainReport, Report, Run, lines_to, shown

CHANGES = [Change("a\x1b[31m\n", "modified"), Change("b", "created")]


def run(**facts):
    known = {
        "number": 3, "changes": CHANGES, "started": 1.5, "seconds": 0.25, "exit_code": 0,
        "problem": "", "arguments": ["x", ""],
    }  # fmt: skip
    return Run(**{**known, **facts})


@pytest.fixture(name="told")
def _told():
    return []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "exit 0  0.25 s"),
        ({"exit_code": 3, "problem": "failed"}, "exit 3  0.25 s  failed; the state stays"),
        ({"exit_code": -9, "problem": "was killed"}, "signal 9"),
        ({"exit_code": None, "problem": "cannot run"}, "not started"),
    ],
)
def test_a_run_is_one_line_without_anything_a_terminal_would_obey(told, facts, words):
    PlainReport(told.append, told.append).ended(run(**facts))

    [line] = told
    assert words in line
    assert r"a\x1b[31m\n modified and 1 more" in line
    assert line.isprintable()


def test_colour_is_added_on_request_only(told):
    PlainReport(told.append, told.append, colour=True).ended(run())
    PlainReport(told.append, told.append, colour=True).note("n")

    assert told[0].count("\x1b[") == 4
    assert told[1] == "\x1b[33mNote:\x1b[0m n"


def test_quiet_tells_of_problems_only(told):
    report = PlainReport(told.append, told.append, verbosity=-1)
    report.watching("inotify", ["f"], ["s"])
    report.started(1, CHANGES, [])
    report.ended(run())
    report.stopped("SIGINT")
    assert told == []

    report.ended(run(problem="failed"))
    report.note("n")

    assert len(told) == 2


def test_verbose_tells_of_every_change_and_the_state(told):
    report = PlainReport(told.append, told.append, verbosity=1)
    report.started(3, CHANGES, [])
    report.ended(run())

    assert [line[10:] for line in told] == [
        r"a\x1b[31m\n modified",
        "b created",
        "run 3 starts with no arguments",
        told[3][10:],
        "the state is now x ''",
    ]


def test_json_lines_hold_the_facts(told):
    report = JsonReport(told.append)
    report.watching("inotify", ["f"], ["s"])
    report.started(3, CHANGES, ["\udcff"])
    report.ended(run(problem="failed"))
    report.note("n")
    report.stopped("SIGINT")

    events = [json.loads(line) for line in told]
    assert [event["event"] for event in events] == ["watching", "start", "run", "note", "stopped"]
    assert events[1]["arguments"] == ["\udcff"]
    assert events[2]["changes"][0] == {"path": "a\x1b[31m\n", "event": "modified"}
    assert events[2]["problem"] == "failed"
    assert all(line.isascii() for line in told)


def test_the_silent_report_takes_everything():
    report = Report()
    report.watching("", [], [])
    report.started(1, [], [])
    report.ended(run())
    report.note("")
    report.stopped("")


def test_a_line_is_written_whatever_the_encoding_can_say():
    raw = io.BytesIO()
    write = lines_to(io.TextIOWrapper(raw, encoding="ascii"))

    write("größe")

    assert raw.getvalue() == b"gr\\xf6\\xdfe\n"


@pytest.mark.parametrize(
    ("text", "wanted"), [("a b", "a b"), ("ü", "ü"), ("\udcff", r"\udcff"), ("\t", r"\t")]
)
def test_what_is_not_printable_is_escaped(text, wanted):
    assert shown(text) == wanted
