"""Say whether what is installed, in a folder or in a wheel is what a trusted key signed."""

from __future__ import annotations

import os
from dataclasses import replace

from otumat_sign import _compare, _find, _instant, _keyring, _manifest, _weigh
from otumat_sign._content import digest
from otumat_sign._metadata import MANIFEST, SIGNATURE, normalised
from otumat_sign._signature import decode
from otumat_sign._verdict import Policy, Verdict
from otumat_sign.exceptions import InvalidSignature, ManifestError, RefusedPathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._installed import Installed
    from otumat_sign._keyring import Keyring
    from otumat_sign._manifest import Manifest
    from otumat_sign._verdict import Difference, State
    from otumat_sign._wheel import Wheel

__all__ = ["check"]

#: Of several modules' verdicts, the first in this order is that of the whole.
_WORST_FIRST = (
    "editable",
    "unsigned",
    "invalid",
    "modified",
    "revoked",
    "expired",
    "untrusted-key",
    "trusted",
)
_DEFAULT = Policy()


def check(
    name_or_path: str | os.PathLike[str],
    *,
    trusted: str | os.PathLike[str],
    policy: Policy = _DEFAULT,
) -> Verdict:
    """Return whether the content of a package is what trusted keys signed, and if not, why.

    Nothing of the package is imported or executed. An attacker who already runs code in this
    process, or can change this package's files, can make any answer: a verifier inside the same
    interpreter cannot prevent that.

    Args:
        name_or_path: The import name of an installed module, the name of a distribution (all
            its modules), the folder or file of a module with its .dist-info beside it, or a
            wheel. A string is a path if it has a separator in it or ends in ``.whl``.
        trusted: Who is trusted: the name of the installed distribution or module that ships the
            keyring (``{module}.pub``), or the path of a keyring, in the same way.
        policy: What else to ask for.

    Returns:
        A `Verdict`. It is true only if everything that was asked for was found to be so.

    Raises:
        NotInstalledError: There is nothing of this name, or *trusted* ships no keyring.
        KeyringError: The keyring is not understood (also a ValueError).
        WheelError: The wheel can be read in more than one way (also a ValueError).
        SignError: It could not be checked for another reason, such as an unreadable file.
    """
    ring = load_keyring(trusted)
    return judge_found(name_or_path, find(name_or_path), ring, policy)


def find(name_or_path: str | os.PathLike[str]) -> Installed | Wheel | None:
    """Return what *name_or_path* means; None for a folder without a signature beside it."""
    if _find.is_path(name_or_path):
        return _find.at(name_or_path)
    return _find.installed(os.fspath(name_or_path))


def load_keyring(trusted: str | os.PathLike[str]) -> Keyring:
    """Return the keyring that *trusted* names (see `check`)."""
    if _find.is_path(trusted):
        return read_keyring(trusted)
    data, name = _find.keyring(os.fspath(trusted))
    return _keyring.parse(data, f"the keyring {name}")


def read_keyring(uri: str | os.PathLike[str]) -> Keyring:
    """Return the keyring at a path or key URI.

    Raises:
        KeyringError: it is not understood.
        UnusableKeyError: it is a key of another kind, such as a private one.
    """
    from otumat_sign import _keyuri

    data, name = _keyuri.read(uri), os.fspath(uri)
    if b"PUBLIC KEY-----" not in data:
        from otumat_sign._keys import PublicKey

        PublicKey(data, name=name)  # says what it is instead
    return _keyring.parse(data, name)


def judge_found(
    name_or_path: str | os.PathLike[str],
    content: Installed | Wheel | None,
    ring: Keyring,
    policy: Policy,
) -> Verdict:
    """Return the verdict over what `find` found."""
    if content is None:
        name = os.path.basename(os.path.abspath(name_or_path))  # noqa: PTH100, PTH119
        return Verdict("unsigned", (name,), reasons=(f"no signature lies beside {name}",))
    verdict = judge(content, ring, policy)
    if not verdict or _find.is_path(name_or_path) or content.kind == "wheel":
        return verdict
    for module in content.modules:
        place, root = _find.imported_from(module), content.locate(content.modules[module])
        if place is not None and os.path.realpath(place) != os.path.realpath(root):
            return _no(
                verdict, "modified", f"Python would import {module} from {place}, not {root}"
            )
    return verdict


def consistent(wheel: Wheel) -> Verdict:
    """Return whether *wheel* carries signatures and is as its manifests say, whoever signed it.

    For the end of a build, where no key is at hand: "trusted" here means only that.
    """
    one = Verdict("trusted", tuple(wheel.modules), wheel.distribution, wheel.version)
    for module in wheel.modules:
        try:
            manifest = read_manifest(wheel, module)
        except ManifestError as error:
            return _no(one, "invalid", str(error))
        if manifest is None or not manifest.blocks or wheel.metadata(module + SIGNATURE) is None:
            return _no(
                one, "unsigned", f"it lacks a signed {module}{MANIFEST} or {module}{SIGNATURE}"
            )
        if found := _compare.differences(wheel, module, manifest):
            differences = tuple(found)
            return replace(
                one, state="modified", reasons=(_summary(found),), differences=differences
            )
    return one


def judge(content: Installed | Wheel, ring: Keyring, policy: Policy) -> Verdict:
    """Return the verdict over all modules of *content*: that of the worst, with every reason."""
    identity = (tuple(content.modules), content.distribution, content.version)
    if content.editable:
        return Verdict("editable", *identity, reasons=("it is an editable install",))
    if not content.modules:
        return Verdict("unsigned", *identity, reasons=("it has no modules in place",))
    verdicts = [_judge(content, module, ring, policy) for module in content.modules]
    worst = min(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.state))
    return Verdict(
        worst.state,
        *identity,
        reasons=tuple(dict.fromkeys(reason for v in verdicts for reason in v.reasons)),
        differences=tuple(dict.fromkeys(d for v in verdicts for d in v.differences)),
        keys=tuple(dict.fromkeys(key for v in verdicts for key in v.keys)),
    )


def _judge(content: Installed | Wheel, module: str, ring: Keyring, policy: Policy) -> Verdict:
    """Weigh one module: first its signatures, then its content, then its byte code."""
    one = Verdict("trusted", (module,), content.distribution, content.version)
    try:
        manifest = read_manifest(content, module)
        compat = content.metadata(module + SIGNATURE)
        if manifest is None and compat is None:
            return _no(one, "unsigned", f"it has no {module}{SIGNATURE} and no {module}{MANIFEST}")
        if manifest is None:
            return _judge_compat(content, module, compat or b"", ring, policy, one)
        return _judge_manifest(content, manifest, compat, ring, policy, one)
    except (ManifestError, InvalidSignature) as error:
        return _no(one, "invalid", str(error))
    except RefusedPathError as error:
        return _no(one, "modified", str(error))


def read_manifest(content: Installed | Wheel, module: str) -> Manifest | None:
    """Return the manifest that *content* carries for *module*, if it carries one.

    Raises:
        ManifestError: it is malformed, or it is that of something else.
    """
    data = content.metadata(module + MANIFEST)
    if data is None:
        return None
    manifest = _manifest.parse(data, module + MANIFEST)
    claims = (manifest.module, normalised(manifest.distribution), manifest.version)
    found = (module, normalised(content.distribution), content.version)
    if claims != found:
        raise ManifestError(
            f"{module}{MANIFEST} is that of {' '.join(claims)}, not of {' '.join(found)}"
        )
    return manifest


def weigh_manifest(manifest: Manifest, ring: Keyring, policy: Policy) -> _weigh.Finding:
    """Return whether enough trusted keys signed *manifest*, and late enough for *policy*."""
    state, reason, keys = _weigh.of_manifest(manifest, ring)
    if state == "trusted" and policy.not_before and manifest.created < policy.not_before:
        reason = f"it was signed at {_instant.write(manifest.created)}, which is too long ago"
        return "expired", reason, keys
    return state, reason, keys


def _judge_manifest(  # noqa: PLR0913, PLR0917 -- everything that the decision rests on
    content: Installed | Wheel,
    manifest: Manifest,
    compat: bytes | None,
    ring: Keyring,
    policy: Policy,
    one: Verdict,
) -> Verdict:
    state, reason, keys = weigh_manifest(manifest, ring, policy)
    if state != "trusted":
        return _no(one, state, reason)
    one = replace(one, keys=keys)
    found = _compare.differences(content, manifest.module, manifest)
    if found:
        return replace(one, state="modified", reasons=(_summary(found),), differences=tuple(found))
    if compat is not None and not _fits(content, manifest, compat, ring):
        reason = f"{manifest.module}{SIGNATURE} was not made by a trusted key over this content"
        return _no(one, "invalid", reason)
    return _judge_bytecode(content, manifest.module, policy, one)


def _judge_compat(  # noqa: PLR0913, PLR0917 -- everything that the decision rests on
    content: Installed | Wheel,
    module: str,
    compat: bytes,
    ring: Keyring,
    policy: Policy,
    one: Verdict,
) -> Verdict:
    """Weigh a bare signature: it covers the module's files, and nothing else of the wheel."""
    if ring.min_scheme != _keyring.COMPAT:
        return _no(one, "unsigned", f"it has no {module}{MANIFEST}, which the keyring demands")
    if policy.not_before:
        return _no(one, "unsigned", f"{module}{SIGNATURE} has no date, which the policy demands")
    text = compat.decode("ascii", errors="replace")
    now = policy.now or _instant.now()
    state, reason, keys = _weigh.of_compat(text, _compat_digest(content, module), ring, now)
    if state == "trusted":
        return _judge_bytecode(content, module, policy, replace(one, keys=keys))
    if state == "untrusted-key" and not keys and content.kind != "wheel":
        found = _compare.from_record(content, module)
        if found:
            reason = _summary(found)
            return replace(one, state="modified", reasons=(reason,), differences=tuple(found))
        reason = f"{module}{SIGNATURE} was made by another key, or over other content"
    return _no(one, state, reason)


def _fits(content: Installed | Wheel, manifest: Manifest, compat: bytes, ring: Keyring) -> bool:
    """Return whether the bare signature beside a manifest that holds may be there.

    Of several signers only one could make it, who need not be one that is trusted here.
    """
    text = compat.decode("ascii", errors="replace")
    if len(manifest.blocks) > 1:
        return bool(decode(text))
    module = manifest.module
    lax = replace(ring, threshold=1)
    state, _, keys = _weigh.of_compat(text, _compat_digest(content, module), lax, _instant.now())
    return state in ("trusted", "expired") or bool(keys)


def _compat_digest(content: Installed | Wheel, module: str) -> str:
    facts = content.facts(content.present(module))
    return digest(facts, content.modules[module], "sha1")


def _judge_bytecode(
    content: Installed | Wheel, module: str, policy: Policy, one: Verdict
) -> Verdict:
    """Weigh the byte code that Python would run instead of the signed source."""
    if policy.bytecode == "ignore" or content.kind == "wheel":
        return one
    from otumat_sign._bytecode import audit

    found = list(audit(content, module))
    if not found:
        return one
    return replace(one, state="modified", reasons=(_summary(found),), differences=tuple(found))


def _no(one: Verdict, state: State, reason: str) -> Verdict:
    return replace(one, state=state, reasons=(reason,))


def _summary(found: list[Difference]) -> str:
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0]}{more}"
