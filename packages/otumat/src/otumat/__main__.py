"""Run the `otumat` command as `python -m otumat`."""

from otumat.cli import main

main()
