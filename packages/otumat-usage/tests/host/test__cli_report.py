"""The maintainer's commands for answers: same numbers as a file, one line for what cannot be."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from otumat_usage.host import _catalogue
from otumat_usage.host.cli import host_group, report_command

# Makes up a year and asks for everything in it.
pytestmark = pytest.mark.service


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "host"
    args = ["demo", "-d", str(folder), "--installs", "8", "--no-serve"]
    done = CliRunner().invoke(host_group, args)
    assert done.exit_code == 0, done.output
    assert "making up a year of use by 8 people (seed 1)" in done.output
    assert "demo-package: 8 installs," in done.output
    return folder


@pytest.fixture(name="report")
def _report(folder):
    def report(*args, code=0):
        done = CliRunner().invoke(report_command, ["demo-package", "-d", str(folder), *args])
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.stderr

    return report


def test_text_json_and_csv_have_the_same_rows(report):
    for name in _catalogue.EXHIBITS:
        (found,) = json.loads(report(name, "--json", "--days", "365"))
        table = list(csv.reader(io.StringIO(report(name, "--csv", "--days", "365"))))
        assert found["name"] == name
        assert len(table) == 1 + len(found["rows"])
        assert report(name, "--days", "365").startswith(found["title"])


def test_without_names_days_or_filter_it_is_the_summary(report):
    assert "How many users" in report()
    assert json.loads(report("--json"))["package"] == "demo-package"
    assert "Active users" in report("--days", "28")


def test_a_span_of_days_may_begin_and_end_anywhere(report):
    days = json.loads(report("actives", "--json", "--days", "60"))[0]["rows"]
    first, last = days[20]["Day (UTC)"], days[10]["Day (UTC)"]

    (found,) = json.loads(report("actives", "--json", "--from", first, "--to", last))

    assert [row["Users of 7 days"] for row in found["rows"]] == [
        row["Users of 7 days"] for row in days[10:21]
    ]
    assert "leave one out" in report("--from", first, "--days", "7", code=2)
    assert "is no day" in report("--to", "yesterday", code=2)


def test_a_filter_narrows_what_is_printed(report):
    whole = json.loads(report("os", "--json", "--days", "365"))[0]["rows"]

    found = json.loads(report("os", "--json", "--days", "365", "--where", "os = Linux"))[0]["rows"]

    assert found == [
        {**row, "Share, %": 100.0} for row in whole if row["Operating system"] == "Linux"
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing"], "no answer 'nothing'; there are actives, events"),
        (["os", "--where", "pyhton = 3"], "one of feature, version, python"),
        (["--csv"], "--csv prints one answer"),
        (["os", "python", "--csv"], "--csv prints one answer"),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_code_two(report, args, said):
    error = report(*args, code=2)

    assert error.startswith("Error: ")
    assert said in error
    assert error.count("\n") == 1


def test_a_demo_is_made_once_and_published_on_demand(folder):
    def run(*args):
        done = CliRunner().invoke(host_group, [*args, "-d", str(folder)])
        assert done.exit_code == 0, done.output
        return done.output

    assert "made before, left as it is" in run("demo", "--no-serve")
    assert "/public/demo-package\nbadge:" in run("publish", "demo-package")
    assert run("publish", "demo-package", "--off").startswith("closed: ")
