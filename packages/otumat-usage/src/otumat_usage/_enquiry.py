"""`refusal` and `consent`: what a program or a notebook asks about a package by its name.

Loaded when one of them is called, never by the import of a program that embeds us.
"""

from __future__ import annotations

from otumat_usage import _agent, _answer, _home, _optout
from otumat_usage.exceptions import ConfigurationError


def refusal(package: str) -> str | None:
    """Say in words why nothing is recorded about *package*, or None when it is.

    Looks at the agent in this process, or else at what the user's files say.
    """
    name = _home.canonical(package)
    agent = _agent.agents.get(name)
    if agent is not None:
        return agent.refusal()
    home = _home.folder()
    if why := _optout.overruled(name, home):
        return why
    answer = _answer.read(home, name)
    return answer.refused or (None if answer.agreed else _answer.NOT_ASKED)


def consent(package: str) -> bool:
    """Ask the user about *package* now, as a notebook does; say whether they agree.

    The package has to be imported already.

    Raises:
        ConfigurationError: no agent of that name exists in this process.
        RefusedError: the environment says no, or there is nobody to ask.
        EnrolmentError: the host's page did not end in an agreement.
    """
    agent = _agent.agents.get(_home.canonical(package))
    if agent is None:
        raise ConfigurationError(f"{package} is not imported, or it does not use otumat_usage")
    return agent.install()
