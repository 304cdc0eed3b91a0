"""What the background job runs: look after the job, then one pass of the uploader, in silence.

Run by its path, ``python -I …/otumat_usage/_background.py DATA_FOLDER``, so that a scheduler can
see whether it is still installed, and so that it finds its package wherever that was found.
"""

from __future__ import annotations

import pathlib
import sys


def main(words: list[str]) -> int:
    """Do what *words* say: ``[--late] FOLDER``, or ``--probe`` to see that all can be loaded.

    Always 0, except when a module is missing.
    """
    from otumat_usage import _http, _upload, _withdraw  # noqa: F401 - --probe loads all

    if words == ["--probe"]:
        return 0
    *options, home = words
    from otumat_usage import _erasure, _home, _job
    from otumat_usage.exceptions import UsageError

    try:
        if not _home.is_ours(home):
            return 0
        if not pathlib.Path(home).is_dir():
            # Its user removed the folder, so this job is the last that is left of us.
            _job.remove(home)
            return 0
        owed = bool(_erasure.owed(home))
        if _job.settle(home, owed=owed, late="--late" in options):
            _upload.run(home)
            # What a host answered may have been the end of the last package.
            _withdraw.tidy(home)
    except (UsageError, OSError):
        pass
    return 0


if __name__ == "__main__":
    _here = pathlib.Path(__file__).absolute().parent
    # Our own folder would make exceptions, cli, testing and host top-level modules.
    sys.path[:] = [path for path in sys.path if pathlib.Path(path).absolute() != _here]
    # Last, so that nothing beside the package can stand in for a module of Python's.
    sys.path.append(str(_here.parent))
    raise SystemExit(main(sys.argv[1:]))
