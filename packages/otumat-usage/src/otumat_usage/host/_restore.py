"""Put a backup in the place of the store, also while hosts serve from it: all of it or nothing.

The backup is laid open beside the store first: checked, and brought to this version's tables. Then
one transaction, during which nobody else writes, keeps a copy of what is there and puts the
backup's rows in place (`_replace`). Who reads meanwhile sees the old store; whoever writes waits,
or is told to come back. A store that cannot be written like that (none there yet, damaged, or of
another version) is replaced as a whole, and no host may serve from it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Literal

from otumat_usage.host import _postgresql, _sqlite
from otumat_usage.host._database import (
    FILE_NAME,
    SCHEMA_VERSION,
    Database,
    located,
    metadata,
    serving_from,
)
from otumat_usage.host._errors import ServingError, StoreInUse, StoreMissing, StoreUnavailable
from otumat_usage.host._keep import backup, dated
from otumat_usage.host._migrations import migrate
from otumat_usage.host._replace import (
    Loss,
    erased_of,
    hold_all,
    loss_by,
    replace_all,
    tables_in,
)
from otumat_usage.host._settings import recall
from otumat_usage.host._soundness import refuse_unsound
from otumat_usage.host._sql import URL, DataError, IntegrityError, MetaData
from otumat_usage.host._whole_file import beside, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otumat_usage.host._database import Connection
    from otumat_usage.host._replace import Tables

__all__ = ["Loss", "Restored", "restore"]

#: Where the backup's tables are, as the store's own connection names the place.
_ATTACHED, _TEMPORARY = "backup", "pg_temp"


@dataclasses.dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        loss: What was in the store and not in the backup; None where that could not be read.
        erased: Installs of the backup that were erased since, and are again; None where it
            could not be read who was erased.
        kept: Where what was there is kept; None where there was nothing.
    """

    loss: Loss | None
    erased: int | None
    kept: Path | None


def restore(
    folder: Path, source: Path, agree: Callable[[Loss | None], bool] = lambda _: True
) -> Restored | None:
    """Put the backup *source* in the place of the store in *folder*; None where nobody agreed.

    Args:
        folder: The host's data folder.
        source: What `backup` wrote, with this version or an earlier one.
        agree: Is told what will be lost, before anything is changed, where there is a store;
            None where that cannot be read.

    Raises:
        StoreInUse: the store must be replaced as a whole, and a host serves from it.
        StoreMissing: there is no backup at *source*.
        StoreUnavailable: *source* is damaged or no backup, or the store cannot be replaced.
    """
    if not source.is_file():
        raise StoreMissing(f"no backup at {source}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _failures(source):
        try:
            database = Database(*located(folder))
        except StoreMissing:
            with serving_from(folder):
                if not Database.lives_in(folder):
                    return _put_file(folder / FILE_NAME, source)
            database = Database(*located(folder))  # somebody has made one since we looked
        return _put(database, folder, source, agree)


def _put(
    database: Database, folder: Path, source: Path, agree: Callable[[Loss | None], bool]
) -> Restored | None:
    with contextlib.closing(database):
        state = _state(database)
        with _undisturbed(database, alone=state != "whole"):
            if state == "whole":
                return _put_rows(database, folder, source, agree)
            if state == "other" and not agree(None):
                return None
            if database.embedded:
                return _put_file(database.path, source)
            return _put_tables(database, folder, source)


def _state(database: Database) -> Literal["whole", "empty", "other"]:
    """Say whether rows can be put into the store as it is; it may be empty, or damaged or old."""
    try:
        known = database.schema()
        damaged = database.embedded and _sqlite.damage(database.path) is not None
    except StoreUnavailable:
        if database.embedded:
            return "other"
        raise
    if known is None:
        return "empty"
    return "whole" if known == SCHEMA_VERSION and not damaged else "other"


@contextlib.contextmanager
def _undisturbed(database: Database, *, alone: bool) -> Iterator[None]:
    """Keep changes of the tables away, and where this is to be *alone* every host."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(database.serving(alone=alone))
        except StoreInUse:
            if alone or not database.embedded:
                raise
            # The one process that may serve from this file does: rows are put in beside it.
        yield


def _put_rows(
    database: Database, folder: Path, source: Path, agree: Callable[[Loss | None], bool]
) -> Restored | None:
    """Put the rows of *source* into the store's own tables."""
    name = FILE_NAME if database.embedded else "host.dump"
    with _laid_open(database, source) as (connection, tables):
        with connection.begin():
            before = loss_by(connection, tables)
        if not agree(before):
            return None
        connection.execution_options(otumat_write=True)
        with connection.begin():
            hold_all(connection)
            if recall(connection, "schema") != str(SCHEMA_VERSION):
                raise StoreUnavailable(f"{database.name} was upgraded meanwhile: restore again")
            kept = dated(folder / name)
            _keep(database, folder, kept)
            loss = loss_by(connection, tables)
            erased = replace_all(connection, tables)
    with database.read() as connection:
        database.flush(connection)
    return Restored(loss, erased, kept)


def _put_tables(database: Database, folder: Path, source: Path) -> Restored:
    """Put *source* into a PostgreSQL database whose tables are missing or of another version."""
    kept, gone = None, frozenset[bytes]()
    if database.schema() is not None:
        kept = dated(folder / "host.dump")
        backup(folder, kept)
        with database.read() as connection:
            gone = erased_of(connection)
    with _laid_open(database, source) as (connection, tables), connection.begin():
        # Named in full: a table that only the backup has would be taken for one of the store's.
        own = MetaData()
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
        for table in metadata.sorted_tables:
            table.to_metadata(own, schema=schema)
        own.drop_all(connection)
        own.create_all(connection)
        erased = replace_all(connection, tables, gone)
    return Restored(Loss() if kept is None else None, erased, kept)


def _put_file(path: Path, source: Path) -> Restored:
    """Put *source* in the place of a file that is missing, damaged or of another version.

    Only its rows are taken: the file is one from outside, and could lack a key, or hold a trigger.
    """
    kept = dated(path) if path.exists() else None
    gone = frozenset() if kept is None else _erased_in(path)
    with beside(path) as new:
        with (
            _opened(new, path) as database,
            _laid_open(database, source) as (connection, tables),
            connection.execution_options(otumat_write=True).begin(),
        ):
            metadata.create_all(connection)
            erased = replace_all(connection, tables, gone or ())
        _sqlite.rested(new)
        if kept is not None:
            _sqlite.set_aside(path, kept)
        place(new, path)
    return Restored(Loss() if kept is None else None, None if gone is None else erased, kept)


def _keep(database: Database, folder: Path, target: Path) -> None:
    if database.embedded:
        _sqlite.copy(database.path, target, check=False)
    else:
        backup(folder, target)


def _erased_in(path: Path) -> frozenset[bytes] | None:
    """Return the marks of those who were erased from the file *path*, None if nobody can tell."""
    try:
        with _opened(path) as database, database.read() as connection:
            return erased_of(connection)
    except StoreUnavailable:
        return None


@contextlib.contextmanager
def _laid_open(database: Database, source: Path) -> Iterator[tuple[Connection, Tables]]:
    """Give a connection to the store on which the tables of *source* can be read, and these."""
    if not database.embedded:
        with database.apart("restore") as connection:
            _lay_open_server(connection, source)
            yield connection, _looked_at(connection, _TEMPORARY)
        return
    with _sqlite.checked_copy(source, database.path) as copy:
        _bring_up_to_date(copy, source)
        with database.apart("restore") as connection:
            cursor = connection.connection.cursor()
            cursor.execute(f"ATTACH DATABASE ? AS {_ATTACHED}", [str(copy)])
            cursor.close()
            yield connection, _looked_at(connection, _ATTACHED)


def _looked_at(connection: Connection, place: str) -> Tables:
    """Return the tables of a backup, which hold nothing that no host would write."""
    tables = tables_in(place)
    with connection.begin():
        refuse_unsound(connection, tables)
    return tables


def _lay_open_server(connection: Connection, source: Path) -> None:
    with connection.begin():
        usual = connection.exec_driver_sql("SHOW search_path").scalar()
        connection.exec_driver_sql("SET search_path = pg_temp")
        _postgresql.lay_open(connection, source)
        _version(recall(connection, "schema") or "", source)
        migrate(connection, SCHEMA_VERSION)
        connection.exec_driver_sql(f"SET search_path = {usual}, pg_temp")


def _bring_up_to_date(copy: Path, source: Path) -> None:
    if _version(_sqlite.schema_of(copy), source) < SCHEMA_VERSION:
        with _opened(copy) as database, database.write() as connection:
            migrate(connection, SCHEMA_VERSION)
    _sqlite.rested(copy)


def _version(schema: str, source: Path) -> int:
    known = int(schema) if schema.isdecimal() else 0
    if not known:
        raise StoreUnavailable(f"{source} is no backup of a host")
    if known > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"{source} has schema {known}, this version reads {SCHEMA_VERSION}: "
            "install a newer otumat-usage"
        )
    return known


@contextlib.contextmanager
def _failures(source: Path) -> Iterator[None]:
    """Say in one line why *source* could not be put in place; it may hold whatever it likes."""
    with _sqlite.failures(f"cannot restore {source}"):
        try:
            yield
        except ServingError:
            raise
        except (DataError, IntegrityError) as error:
            reason = str(error.orig).splitlines()[0]
            raise StoreUnavailable(f"{source} holds what no host would: {reason}") from error
        except ValueError as error:
            raise StoreUnavailable(f"{source} holds what no host would: {error}") from error


def _opened(file: Path, path: Path | None = None) -> contextlib.closing[Database]:
    """Open *file*, as the one that is to be in *path*."""
    return contextlib.closing(Database(URL.create("sqlite", database=str(file)), path or file))
