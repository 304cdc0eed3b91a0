"""Laws of what is printed for Citus: it fits the tables, as far as PostgreSQL alone can tell."""

import pytest
from click.testing import CliRunner

from otumat_usage.host._database import Database, metadata
from otumat_usage.host._engine import parsed_url
from otumat_usage.host.cli import host_group

#: Citus's functions, as far as they refuse: a table twice, a unique key without the column, a
#: companion that is not spread by a column of the same type, and letting go of what is not spread.
CITUS = """
CREATE TABLE spread (name regclass PRIMARY KEY, kind regtype);
CREATE FUNCTION create_reference_table(name regclass) RETURNS void
LANGUAGE sql AS 'INSERT INTO spread VALUES (name, NULL)';
CREATE FUNCTION create_distributed_table(name regclass, by text, colocate_with text DEFAULT 'none')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number smallint;
    type regtype;
BEGIN
    SELECT attnum, atttypid INTO STRICT number, type
    FROM pg_attribute WHERE attrelid = name AND attname = by;
    ASSERT NOT EXISTS (
        SELECT FROM pg_index
        WHERE indrelid = name AND indisunique AND NOT number = ANY (indkey::smallint[])
    ), 'a unique key does not hold the column';
    ASSERT colocate_with = 'none' OR EXISTS (
        SELECT FROM spread AS other WHERE other.name = colocate_with::regclass AND kind = type
    ), 'the companion is not spread like that';
    INSERT INTO spread VALUES (name, type);
END $$;
CREATE FUNCTION truncate_local_data_after_distributing_table(old regclass) RETURNS void
LANGUAGE plpgsql AS $$ BEGIN
    ASSERT EXISTS (SELECT FROM spread WHERE name = old), 'it is not spread yet';
    EXECUTE format('TRUNCATE %s', old);
END $$;
"""


def printed():
    result = CliRunner().invoke(host_group, ["scale", "--citus"])
    assert result.exit_code == 0
    return result.stdout


def test_nothing_is_left_on_the_coordinator_alone():
    text = printed()

    for table in metadata.tables:
        made = [f"create_reference_table('{table}'", f"create_distributed_table('{table}',"]
        assert sum(text.count(each) for each in made) == 1, table
        assert text.count(f"truncate_local_data_after_distributing_table('{table}')") == 1, table


@pytest.mark.postgresql
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_what_is_printed_can_be_run_on_the_tables_as_they_are(engine, tmp_path):
    engine.place(tmp_path / "host")
    Database.create(tmp_path / "host").close()
    name = parsed_url((tmp_path / "host" / "database.url").read_text().strip()).database
    extension = "CREATE EXTENSION IF NOT EXISTS citus;"
    text = printed()
    assert extension in text

    engine.sql(CITUS, name)
    engine.sql(text.replace(extension, ""), name)

    assert engine.sql("SELECT count(*) FROM spread", name).strip() == str(len(metadata.tables))
    assert engine.sql("SELECT count(*) FROM setting", name).strip() == "0"
