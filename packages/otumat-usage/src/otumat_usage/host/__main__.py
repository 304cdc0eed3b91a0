"""Run the host's commands as ``python -m otumat_usage.host``."""

from otumat_usage.host.cli import host_group

if __name__ == "__main__":
    host_group(prog_name="otumat-usage host")
