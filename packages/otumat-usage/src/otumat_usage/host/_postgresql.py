"""Copy a PostgreSQL store with PostgreSQL's own programs, and lay such a copy open beside it."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import re
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

from otumat_usage.host._errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otumat_usage.host._sql import URL, Connection

__all__ = ["dump", "lay_open"]

#: Where a copy's list of contents names the schema that holds a host's tables.
_HELD = re.compile(r" TABLE DATA (\S+) token_family ")
#: Lines of a script that are for psql, or settings of a session; and those without meaning.
_SKIPPED = (b"\\", b"SET ", b"SELECT pg_catalog.set_config(", b"--", b"\n")
_NAME = rb'(?:\w+|"\w+")'
_TABLE, _NAMES = rb"pg_temp\." + _NAME, rb"\(%b(?:, %b)*\)" % (_NAME, _NAME)
_COLUMN = rb"\n    %b (?:bytea|bigint|integer|text|character varying\(\d+\))(?: NOT NULL)?" % _NAME
#: All that is run of a script, as a copy is a file from outside: statements that make a plain
#: table or fill one, and those that find its rows. None can hold an expression, so none calls
#: anything; what else is in the script is passed over.
_RUN = re.compile(
    b"|".join(
        (
            rb"CREATE TABLE %b \(%b(?:,%b)*\n\)(?:\nWITH \([\w='., ]+\))?;\n"
            % (_TABLE, _COLUMN, _COLUMN),
            rb"COPY %b %b FROM stdin;\n" % (_TABLE, _NAMES),
            rb"ALTER TABLE ONLY %b\n    ADD CONSTRAINT %b (?:PRIMARY KEY|UNIQUE) %b;\n"
            % (_TABLE, _NAME, _NAMES),
            rb"CREATE (?:UNIQUE )?INDEX %b ON %b USING btree %b;\n" % (_NAME, _TABLE, _NAMES),
        )
    )
)


def dump(url: URL, target: Path) -> None:
    """Write the database at *url* to *target*, in pg_dump's own format.

    Raises:
        StoreUnavailable: the program is missing, or failed.
    """
    _run(url, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={target}")
    _run(None, "pg_restore", "--list", str(target))


def lay_open(connection: Connection, source: Path) -> None:
    """Make temporary tables, which only *connection* sees, of what `dump` wrote.

    They stand before the store's own of the same names until the search path says otherwise.

    Raises:
        StoreUnavailable: the program is missing, or failed, or *source* is no such copy.
    """
    listed = _HELD.search(_run(None, "pg_restore", "--list", str(source)))
    if listed is None:
        raise StoreUnavailable(f"{source} is no backup of a host")
    schema = listed[1]
    # The copy's own names would lead to the store itself.
    named = re.compile(rb'(?<![\w."])(?:%b|"%b")\.' % ((re.escape(schema).encode(),) * 2))
    driver = connection.dialect.loaded_dbapi
    try:
        cursor: Any = connection.connection.cursor()
        with _text_of(source, schema) as lines, cursor:
            for statement, is_copy in _statements(lines):
                inside = named.sub(b"pg_temp.", statement)
                runs = _RUN.fullmatch(inside) is not None
                if is_copy:
                    rows = itertools.takewhile(lambda line: line != b"\\.\n", lines)
                    _take(cursor, inside if runs else None, rows)
                elif runs:
                    cursor.execute(inside)
    except driver.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise StoreUnavailable(f"cannot lay {source} open: {reason}") from error


def _statements(lines: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each statement of a script of pg_restore, and whether rows follow it."""
    statement = b""
    for line in lines:
        if not statement and line.startswith(_SKIPPED):
            continue
        statement += line
        if line.endswith(b" FROM stdin;\n"):
            yield statement, True
            statement = b""
        elif line.endswith(b";\n"):
            yield statement, False
            statement = b""


def _take(cursor: Any, statement: bytes | None, rows: Iterator[bytes]) -> None:
    """Feed *rows* to a COPY, or to nobody."""
    if statement is None:
        collections.deque(rows, maxlen=0)
        return
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write(row)


@contextlib.contextmanager
def _text_of(source: Path, schema: str) -> Iterator[Iterator[bytes]]:
    """Give the lines of the script that would restore what *source* holds of *schema*."""
    command = ["pg_restore", "--no-owner", "--no-acl", f"--schema={schema}", "--file=-"]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen([*command, str(source)], stdout=subprocess.PIPE, stderr=said) as script,
    ):
        assert script.stdout is not None  # noqa: S101 - for the type checker
        yield script.stdout
        if script.wait():
            said.seek(0)
            lines = said.read().decode(errors="replace").splitlines() or ["no reason given"]
            raise StoreUnavailable(f"pg_restore failed: {lines[0]}")


def _run(url: URL | None, program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        raise StoreUnavailable(f"{program} is missing: install PostgreSQL's client programs")
    environment = dict(os.environ)
    command = [program, *arguments]
    if url is not None:
        # The password goes by the environment: every user of the machine sees the arguments.
        if url.password:
            environment["PGPASSWORD"] = str(url.password)
        bare = url.set(drivername="postgresql", password=None)
        command += ["--dbname", bare.render_as_string()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StoreUnavailable(f"{program} failed: {lines[0]}")
    return done.stdout
