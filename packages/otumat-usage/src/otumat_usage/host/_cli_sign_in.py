"""Give the commands that say who may enrol, and how they prove it."""

from __future__ import annotations

from pathlib import Path

import click

from otumat_usage.host._cli_edge import Group, folder_option

__all__ = ["sign_in_group"]


@click.group("sign-in", cls=Group)
def sign_in_group() -> None:
    """Say who may enrol for a package, and how they prove it.

    \b
    Example:
      otumat-usage host sign-in email --smtp smtp://mail.example.org --sender us@example.org
      otumat-usage host sign-in require mypackage email --domain example.org
    """


@sign_in_group.command("email")
@folder_option
@click.option("--smtp", required=True, help="Mail server: smtp://user@host:587 or smtps://…")
@click.option("--sender", required=True, help="Address that the mails come from.")
def email_command(directory: Path, smtp: str, sender: str) -> None:
    """Name the mail server that sends sign-in links.

    Its password is read from OTUMAT_HOST_SMTP_PASSWORD while the host serves.

    \b
    Example:
      otumat-usage host sign-in email --smtp smtp://us@mail.example.org --sender us@example.org
    """
    from otumat_usage.host._operate_sign_in import set_mail_server

    set_mail_server(directory, smtp, sender)
    click.echo(f"links are sent by {smtp}, from {sender}")


@sign_in_group.command("oidc")
@folder_option
@click.option("--issuer", required=True, help="The provider's issuer, exactly as it names itself.")
@click.option("--client-id", required=True, help="This host's id at the provider.")
def oidc_command(directory: Path, issuer: str, client_id: str) -> None:
    """Name the OpenID provider that users sign in at; it is asked once now.

    Register ADDRESS/user/sign-in/oidc there as the redirect address. The client's
    secret, when it has one, is read from OTUMAT_HOST_OIDC_SECRET while the host serves.

    \b
    Example:
      otumat-usage host sign-in oidc --issuer https://login.example.org --client-id usage
    """
    from otumat_usage.host._operate_sign_in import set_provider

    set_provider(directory, issuer, client_id)
    click.echo(f"users sign in at {issuer}")


@sign_in_group.command("require")
@folder_option
@click.argument("package")
@click.argument("how", type=click.Choice(["anonymous", "email", "oidc"]))
@click.option("--domain", multiple=True, help="Only mail addresses of this domain (repeatable).")
def require_command(directory: Path, package: str, how: str, domain: tuple[str, ...]) -> None:
    """Say who may enrol for PACKAGE from now on; who did already stays.

    \b
    Example:
      otumat-usage host sign-in require mypackage oidc --domain example.org
    """
    from otumat_usage.host._operate_sign_in import admit

    admit(directory, package, how, domain)
    whom = f" of {', '.join(domain)}" if domain else ""
    click.echo(f"{package}: {how}{whom}")
