"""Laws of the Parquet export: other programs read the same numbers as the report's."""

import json
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from otumat_usage.host import _packages
from otumat_usage.host._answers import Answers
from otumat_usage.host._database import log, select, update
from otumat_usage.host.cli import host_group


@pytest.fixture(name="folder")
def _folder(service):
    return service.host.database.path.parent


@pytest.fixture(name="run")
def _run(folder):
    def run(*args, code=0):
        done = CliRunner().invoke(host_group, ["export", "-d", str(folder), *map(str, args)])
        assert done.exit_code == code, done.output
        return done

    return run


@pytest.fixture(name="used")
def _used(service):
    """Three users over two days; one of them told nothing about the computer."""
    service.add("other")
    people = [service.enrol() for _ in range(3)]
    stranger = service.enrol("other")
    service.upload(stranger, service.batch(stranger, "elsewhere"))
    for day in range(2):
        for number, tokens in enumerate(people[day:]):
            tokens.update(service.refresh(tokens["refresh_token"]).json())
            body = service.batch(tokens, "plot", "fit", *["read"] * number)
            body["headers"], body["rows"] = (
                ["event_date", "event_type", "count"],
                [[*row, 3] for row in body["rows"]],
            )
            body["context"] = {"python": f"3.{10 + number}", "os": "Linux"} if number else {}
            assert service.upload(tokens, body).json()["rejected"] == []
        service.clock.forward(days=1)


def report(service):
    """What the pages say: users and events by day, feature and Python."""
    with service.host.database.read() as connection:
        answers = Answers(connection, _packages.find(connection, "demo"), service.clock())
        span = (answers.today - 9, answers.today)
        found = {
            "day": {p.start: (p.users, p.events) for p in answers.series(*span) if p.users},
            "all": answers.total(*span),
        }
        for name in ("feature", "python"):
            found[name] = {
                each.value: (each.users, each.events) for each in answers.breakdown(name, *span)
            }
        return found


@pytest.mark.interop
@pytest.mark.usefixtures("used")
def test_duckdb_counts_what_the_report_counts(service, run, tmp_path):
    import duckdb

    target = tmp_path / "events.parquet"
    said = run("Demo", "--parquet", target).stdout
    wanted = report(service)

    def by(column):
        asked = (
            f"SELECT {column}, count(DISTINCT install), sum(count)::BIGINT"
            f" FROM '{target}' GROUP BY 1"
        )
        return {key: (users, events) for key, users, events in duckdb.sql(asked).fetchall()}

    assert said == f"{target}: 14 rows of 3 installs\n"
    assert by("event") == wanted["feature"]
    assert by("coalesce(python, 'unknown')") == wanted["python"]
    assert by("epoch_ms(time) // 86400000") == wanted["day"]
    assert by("1")[1] == (wanted["all"].users, wanted["all"].events)


@pytest.mark.interop
@pytest.mark.usefixtures("used")
def test_pyarrow_reads_the_documented_columns_and_no_install_id(service, run, tmp_path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from otumat_usage.host._parquet import SCHEMA

    target = tmp_path / "events.parquet"
    run("demo", "--parquet", target)
    table = pq.read_table(target)
    counted = table.group_by("event").aggregate([("install", "count_distinct"), ("count", "sum")])

    assert table.schema.equals(SCHEMA)
    found = {row["event"]: tuple(row.values())[1:] for row in counted.to_pylist()}
    assert found == report(service)["feature"]
    assert sorted(pc.unique(table["install"]).to_pylist()) == [1, 2, 3]
    assert table["time"][0].as_py().tzinfo is not None
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.interop
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_rows_are_written_group_by_group(service, tmp_path):
    import pyarrow.parquet as pq

    from otumat_usage.host._parquet import write_events

    tokens = service.enrol()
    for _ in range(5):
        service.upload(tokens, service.batch(tokens, *["plot"] * 4))
    with service.host.database.read() as connection:
        package = _packages.find(connection, "demo")
        written = write_events(connection, package, tmp_path / "x.parquet", group=6)

    file = pq.ParquetFile(tmp_path / "x.parquet")
    assert written == (20, 1)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [8, 8, 4]


@pytest.mark.interop
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_values_come_as_json_and_an_empty_package_as_an_empty_table(service, run, tmp_path):
    import pyarrow.parquet as pq

    service.add("typed", events={"plot": {"kind": "str"}})
    tokens = service.enrol("typed")
    body = service.batch(tokens, "plot")
    body["headers"] += ["properties"]
    body["rows"][0] += [{"kind": "é"}]
    service.upload(tokens, body)
    run("typed", "--parquet", tmp_path / "typed")
    run("demo", "--parquet", tmp_path / "empty")

    (row,) = pq.read_table(tmp_path / "typed").to_pylist()
    assert json.loads(row["properties"]) == {"kind": "é"}
    assert (row["event"], row["package_version"], row["ci"]) == ("plot", "1.2.3", None)
    assert pq.read_table(tmp_path / "empty").num_rows == 0


@pytest.mark.interop
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_failure_leaves_the_file_before_as_it_was_and_nothing_beside(
    service, run, tmp_path, monkeypatch
):
    from otumat_usage.host import _parquet

    target = tmp_path / "events.parquet"
    target.write_text("before")

    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_parquet, "_add", fail)
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))
    error = run("demo", "--parquet", target, code=2).stderr

    assert error == f"Error: cannot write {target}: No space left on device\n"
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.glob("*events*")] == ["events.parquet"]
    assert "nothing" in run("nothing", "--parquet", target, code=2).stderr
    assert "cannot write in" in run("demo", "--parquet", tmp_path / "no" / "x", code=2).stderr


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_without_the_extra_one_line_names_it(folder, tmp_path):
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from otumat_usage.host.cli import host_group; host_group()"
    )
    target = tmp_path / "x.parquet"

    done = subprocess.run(
        [sys.executable, "-c", code, "export", "-d", folder, "demo", "--parquet", target],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'otumat-usage[host,parquet]'" in done.stderr
    assert list(tmp_path.glob("*parquet*")) == []


@pytest.mark.interop
@pytest.mark.usefixtures("used")
def test_two_exports_are_the_same_file_wherever_the_rows_lie(service, run, tmp_path):
    """PostgreSQL gives rows as they lie, and puts one that is changed behind all others."""
    run("demo", "--parquet", tmp_path / "one.parquet")
    with service.host.database.write() as connection:
        first = connection.scalar(select(log.c.install).order_by(log.c.install).limit(1))
        same = update(log).where(log.c.install == first).values(package=log.c.package)
        connection.execute(same)

    run("demo", "--parquet", tmp_path / "two.parquet")

    one, two = ((tmp_path / f"{name}.parquet").read_bytes() for name in ("one", "two"))
    assert one == two
