"""cron: the task as three marked lines in the user's crontab; every other line stays as it is."""

from __future__ import annotations

from otumat_usage import _command
from otumat_usage._sight import Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_usage._task import Task

NAME = "crontab"

#: A crontab may name any shell, so that one gets quoted words only, and sh does the rest: nothing,
#: without a word, when the interpreter or the program has vanished.
_GUARD = 'test -x "$1" && test -e "$3" && exec "$@" </dev/null >/dev/null 2>&1; exit 0'


def _marks(name: str) -> tuple[bytes, bytes]:
    return (
        f"# BEGIN {name}: uploads the usage events that you agreed to; see: otumat-usage status"
    ).encode(), f"# END {name}".encode()


def _is_begin(line: bytes, name: str) -> bool:
    return line.startswith(f"# BEGIN {name}:".encode())


def quoted(word: str) -> str:
    r"""Return *word* as one word of a crontab's command: ``%`` means a newline unless ``\%``."""
    word = "'" + word.replace("'", "'\\''") + "'"
    return word.replace("%", "\\%")


def line(task: Task) -> str:
    """Return the line that runs *task* (crontab(5))."""
    when = f"{task.minute} {','.join(map(str, task.hours))} * * *"
    words = ("/bin/sh", "-c", _GUARD, task.name, *task.argv)
    return f"{when} {' '.join(map(quoted, words))}"


def without(table: bytes, name: str) -> bytes:
    """Return the crontab *table* without our lines; the rest byte for byte."""
    kept: list[bytes] = []
    inside = False
    for one in table.splitlines(keepends=True):
        if _is_begin(one, name):
            inside = True
        elif inside and one.rstrip() == _marks(name)[1]:
            inside = False
        elif not inside:
            kept.append(one)
    # A begin without an end: somebody edited it, so nothing after it is taken for ours.
    return table if inside else b"".join(kept)


def with_task(table: bytes, task: Task) -> bytes:
    """Return the crontab *table* with our lines, once, at its end."""
    rest = without(table, task.name)
    if rest and not rest.endswith(b"\n"):
        rest += b"\n"
    begin, end = _marks(task.name)
    return rest + b"\n".join([begin, line(task).encode(), end, b""])


def ours(table: bytes, name: str) -> list[bytes]:
    """Return what stands between our marks."""
    lines = table.splitlines()
    begins = [n for n, one in enumerate(lines) if _is_begin(one, name)]
    end = _marks(name)[1]
    if not begins or end not in lines[begins[0] :]:
        return []
    return [one for one in lines[begins[0] + 1 : lines.index(end, begins[0])] if one.strip()]


def read() -> bytes | None:
    """Return the user's crontab, b"" if there is none, None if that cannot be known."""
    said = _command.run("crontab", "-l")
    if said:
        return said.out
    return b"" if said.code > 0 and b"no crontab for" in said.err + said.out else None


def usable() -> bool:
    """Say whether this user may have a crontab. It does not say that a cron is running."""
    return read() is not None


def look(task: Task) -> Sight:
    """Say what the crontab has of *task*."""
    found = ours(read() or b"", task.name)
    if not found:
        return Sight.MISSING
    if all(one.startswith(b"#") for one in found):
        return Sight.DISABLED
    return Sight.RIGHT if found == [line(task).encode()] else Sight.OTHER


def make(task: Task) -> bool:
    """Add or replace our lines and read them back; say whether they are there."""
    table = read()
    # cron reads lines of at most 1000 characters (Debian's and cronie's MAX_COMMAND).
    if table is None or len(line(task).encode()) >= 990:  # noqa: PLR2004
        return False
    return _write(with_task(table, task)) and look(task) is Sight.RIGHT


def remove(name: str) -> None:
    """Take our lines out; a crontab that held nothing else goes as a whole."""
    table = read()
    if not table or not ours(table, name):
        return
    rest = without(table, name)
    if rest.strip():
        _write(rest)
    else:
        _command.run("crontab", "-r")


def _write(table: bytes) -> bool:
    return bool(_command.run("crontab", "-", feed=table))


def describe(task: Task) -> tuple[str, str]:
    """Return what *task* is called here, and the command that shows it."""
    return f"crontab lines of {task.name}", "crontab -l"
