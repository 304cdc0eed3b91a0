"""Run the `otumat-sign` command as `python -m otumat_sign`."""

from otumat_sign.cli import main

main()
