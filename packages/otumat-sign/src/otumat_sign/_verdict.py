"""What a check found out: one state, the reasons, and every file that differs."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal, TypeAlias

    State: TypeAlias = Literal[
        "trusted",
        "unsigned",
        "invalid",
        "modified",
        "untrusted-key",
        "expired",
        "revoked",
        "editable",
    ]
    Kind: TypeAlias = Literal["added", "removed", "changed"]
    Bytecode: TypeAlias = Literal["ignore", "recompile"]

__all__ = ["Difference", "Policy", "Verdict"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not as it was signed.

    Attributes:
        path: The file, below the site folder, "/" between components.
        kind: ``"added"``, ``"removed"`` or ``"changed"``.
        why: The likely cause in words, empty if there is no sign of one. It is a hint for a
            person; nothing is decided by it.
    """

    path: str
    kind: Kind
    why: str = ""

    def __str__(self) -> str:
        verb = {"added": "was added", "removed": "is missing", "changed": "was changed"}[self.kind]
        return f"{self.path} {verb}{f' ({self.why})' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a caller asks for beyond what the keyring says.

    Attributes:
        bytecode: ``"ignore"`` passes over ``__pycache__``, as git and 0.3 do. ``"recompile"``
            compiles every source file and compares: byte code that is not what this Python
            makes of the signed source, or anything else in ``__pycache__``, is a modification.
        not_before: Signed manifests created before this instant do not count: a plugin's old
            version, although properly signed, may not come back.
        now: The present instant; the clock by default.
    """

    bytecode: Bytecode = "ignore"
    not_before: datetime | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of `check`. It is true only for the state ``"trusted"``.

    Attributes:
        state: ``"trusted"``, or why not: ``"unsigned"``, ``"invalid"`` (a malformed or false
            signature, or one for something else), ``"modified"``, ``"untrusted-key"``,
            ``"expired"``, ``"revoked"``, ``"editable"``.
        modules: The modules that were checked, by import name.
        distribution: The distribution's name, empty if it is not known.
        version: The distribution's version, empty if it is not known.
        reasons: Why, a sentence each; empty for ``"trusted"``.
        differences: Every file that is not as it was signed.
        keys: The identities of the trusted keys that signed (SHA-256 of the public key's DER).
    """

    state: State
    modules: tuple[str, ...]
    distribution: str = ""
    version: str = ""
    reasons: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    keys: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.state == "trusted"

    def __str__(self) -> str:
        return f"{self.state}: {self.reasons[0]}" if self.reasons else self.state
