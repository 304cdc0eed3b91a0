"""Run the `otumat-usage` command as `python -m otumat_usage`."""

from otumat_usage.cli import main

main()
