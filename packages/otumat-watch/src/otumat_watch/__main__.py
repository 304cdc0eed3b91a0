"""Run the `otumat-watch` command as `python -m otumat_watch`."""

from otumat_watch.cli import main

main()
