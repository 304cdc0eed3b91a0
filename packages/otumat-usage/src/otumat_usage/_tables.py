"""The tables of the outbox, and their version.

``stream``: whose events are numbered together. ``event``: not in a batch yet. ``dropped``: to be
told with the next batch. ``spooled``: spools taken in whose file may still be there. ``batch``: to
be sent. ``sent``: the ledger. ``pace``: when next. ``agreement``: under which all of it was taken.
"""

#: A file of a later version is left alone; one of an earlier version gets what it lacks.
VERSION = 2

SCHEMA = """
CREATE TABLE IF NOT EXISTS stream (
    id INTEGER PRIMARY KEY, package TEXT NOT NULL, origin TEXT NOT NULL, context TEXT NOT NULL,
    run TEXT NOT NULL UNIQUE, next INTEGER NOT NULL DEFAULT 1, UNIQUE (package, origin, context));
CREATE TABLE IF NOT EXISTS event (
    stream INTEGER NOT NULL REFERENCES stream ON DELETE CASCADE, seq INTEGER NOT NULL,
    at INTEGER NOT NULL, type TEXT NOT NULL, properties TEXT, PRIMARY KEY (stream, seq)
    ) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped (
    stream INTEGER NOT NULL REFERENCES stream ON DELETE CASCADE, reason TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (stream, reason)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spooled (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, package TEXT NOT NULL,
    origin TEXT NOT NULL, install TEXT NOT NULL, rows INTEGER NOT NULL, gzip BLOB NOT NULL,
    made INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS sent (
    batch TEXT PRIMARY KEY, package TEXT NOT NULL, origin TEXT NOT NULL, at INTEGER NOT NULL,
    rows INTEGER NOT NULL, accepted INTEGER NOT NULL, bytes INTEGER NOT NULL,
    outcome TEXT NOT NULL, receipt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pace (
    package TEXT NOT NULL, origin TEXT NOT NULL, not_before REAL NOT NULL,
    failures INTEGER NOT NULL, PRIMARY KEY (package, origin)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agreement (
    package TEXT NOT NULL, origin TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (package, origin)
    ) WITHOUT ROWID;
PRAGMA user_version = 2;
"""
