"""`python -m otumat_sign` is the command, for where no script is on the PATH."""

import subprocess
import sys


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "otumat_sign", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert not done.stderr
    assert done.stdout.startswith("Usage: otumat-sign [OPTIONS]")
