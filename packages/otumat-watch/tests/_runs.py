"""Scripts that leave children behind, and what can be read of a run."""

from pathlib import Path

#: Ignores the gentle signals, in the shell and in a child of it.
STUBBORN = (
    "#!/bin/sh\ntrap '' TERM INT HUP\n"
    "(trap '' TERM INT HUP; while :; do sleep 0.2; done) &\n"
    "echo $! > child\necho $$ > parent\n"
    "while :; do sleep 0.2; done\n"
)
POLITE = "#!/bin/sh\nsleep 1000 &\necho $! > child\necho $$ > parent\nwait\n"


def is_alive(pid):
    """Say whether the process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(tmp_path, until):
    """Return what POLITE and STUBBORN wrote down: [script, its child]."""

    def read():
        try:
            return [int((tmp_path / name).read_text()) for name in ("parent", "child")]
        except (FileNotFoundError, ValueError):
            return None

    return until(read)


def the_change(run):
    """Return the event of the one change that the run answers."""
    [change] = run["changes"]
    return change["event"]
