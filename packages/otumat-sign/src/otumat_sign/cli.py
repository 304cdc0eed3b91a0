"""The commands of this package, alone and below ``otumat``."""

from __future__ import annotations

import click

from otumat_sign._cli_command import CONTEXT, Group
from otumat_sign._cli_hash import hash_command
from otumat_sign._cli_keygen import keygen_command
from otumat_sign._cli_keyring import keyring_command
from otumat_sign._cli_sign import sign_command
from otumat_sign._cli_verify import verify_command


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(package_name="otumat-sign", message="%(package)s %(version)s")
def group() -> None:
    """Sign a Python package's content and verify it, bit-compatible with git and openssl.

    Exit codes: 0 done or yes, 1 the answer is no, 2 could not be done.
    """


for _command in (hash_command, sign_command, verify_command, keygen_command, keyring_command):
    group.add_command(_command)


def main() -> None:
    """Run the standalone command ``otumat-sign``."""
    group(prog_name="otumat-sign")
