"""May we? Every way to say no that outranks the recorded answer, asked at every decision.

`overruled` stores nothing, writes nothing, prints nothing and looks at no terminal. Every doubt is
a "no": a list that cannot be read, a variable with a value nobody defined, a home of another user.
No path to the disk or the network goes round it; the recorded answer is asked after it (`_answer`).
"""

import _thread
import os
import sys
import time

from otumat_usage import _home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Set by CI services; ``CI=false`` and ``CI=0`` count as not set.
CI_VARIABLES = (
    "CI", "CONTINUOUS_INTEGRATION", "BUILD_NUMBER", "BUILDKITE", "APPVEYOR", "BITBUCKET_COMMIT",
    "CIRCLECI", "CODEBUILD_BUILD_ID", "DRONE", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL",
    "TEAMCITY_VERSION", "TF_BUILD", "TRAVIS", "TEAMCITY_PROJECT_NAME", "HUDSON_URL", "READTHEDOCS",
)  # fmt: skip

_SPOKEN = ("OTUMAT_USAGE", "DO_NOT_TRACK")
# On POSIX os.environ keeps bytes; looking there skips an encode for each look.
_OURS, _THEIRS = (name.encode() if os.name != "nt" else name for name in _SPOKEN)
_NOT_SET = frozenset(("", "0", "false", "no"))
_ON = frozenset(("", "1", "true", "yes", "on"))
_LISTS = (list, tuple, set, frozenset)
_MISSING = object()
#: Since Python 3.12.
_is_main = getattr(_thread, "_is_main_interpreter", None)

_disabled: set[str] = set()
#: Until when (monotonic seconds), for which home, and what `_surroundings` said.
_lasting: "list[Any]" = [0.0, "", None]


def disable(*packages: str) -> None:
    """Switch usage tracking off in this process for *packages*, or for all when none is named.

    It overrules every recorded yes and cannot be taken back before the process ends. Call it
    before or after the packages are imported. Stores nothing.
    """
    for name in packages or ("*",):
        # What is no name may be a misspelt one: refuse everything rather than nothing.
        _disabled.add(_home.canonical(str(name)) or "*")


def overruled(package: str, home: str) -> str | None:
    """Say in words why nothing may be recorded or sent whatever the user answered, else None.

    *package* is a canonical name, *home* the data folder. A CI service's variables and the owner of
    the home, which do not change while a program runs, are looked at once a second.
    """
    if _disabled and ("*" in _disabled or package in _disabled):
        return "otumat_usage.disable() was called in this process"
    module = sys.modules.get("otumat")
    if module is not None:
        names = getattr(module, "DISABLE_USAGE_TRACKING_PACKAGES", _MISSING)
        if (names or type(names) not in _LISTS) and _listed(package, names):
            return "otumat.DISABLE_USAGE_TRACKING_PACKAGES names it"
    raw = getattr(os.environ, "_data", os.environ)
    if (_OURS in raw or _THEIRS in raw) and (why := _spoken()):
        return why
    if time.monotonic() >= _lasting[0] or home != _lasting[1]:
        _lasting[:] = (time.monotonic() + 1.0, home, _surroundings(home))
    return _lasting[2] if package else "the package's name is not a name"


def _listed(package: str, names: object) -> bool:
    """Say whether *names* holds the package, or cannot be read."""
    if not isinstance(names, _LISTS):
        return True
    for name in list(names):
        if not isinstance(name, str):
            return True
        if name.strip() == "*" or (_home.canonical(name) or package) == package:
            return True
    return False


def _spoken() -> str | None:
    """Say which variable the user has set to say no."""
    get = os.environ.get
    if (get("OTUMAT_USAGE") or "").strip().lower() not in _ON:
        return "OTUMAT_USAGE is set to off"
    if (get("DO_NOT_TRACK") or "").strip().lower() not in _NOT_SET:
        return "DO_NOT_TRACK is set"
    return None


def _surroundings(home: str) -> str | None:
    """Say what about this machine or account says no."""
    for name in CI_VARIABLES:
        if (os.environ.get(name) or "").strip().lower() not in _NOT_SET:
            return f"this is a CI run ({name} is set)"
    if not _home.is_ours(home):
        return "the home is not this user's own"
    # Its threads, forks and exit are not this process's; nobody tests their programs there either.
    return None if _in_main_interpreter() else "this is a sub-interpreter"


def _in_main_interpreter() -> bool:
    if _is_main is not None:
        return bool(_is_main())
    try:
        # Python 3.10 and 3.11
        import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
    except ImportError:  # left out of this build, so that only an embedding program could make one
        return True
    return bool(interpreters.get_current() == interpreters.get_main())
