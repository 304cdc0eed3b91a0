"""The hatchling build hook ``otumat-sign``: sign the finished wheel."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from otumat_sign.exceptions import SignError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_sign._build import Job

__all__ = ["SignHook", "hatch_register_build_hook"]

_WHERE = "[tool.hatch.build.hooks.otumat-sign]"
#: Settings that hatchling itself reads in every hook's table.
_HATCHS = (
    "dependencies",
    "enable-by-default",
    "require-runtime-dependencies",
    "require-runtime-features",
)


class SignHook(BuildHookInterface[Any]):
    """Configured by ``[tool.hatch.build.hooks.otumat-sign]`` with ``key`` and ``pub``."""

    PLUGIN_NAME = "otumat-sign"
    _job: Job | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 -- the protocol's
        """Open the keys; source archives and editable wheels are never signed."""
        if self.target_name != "wheel" or version != "standard":
            return
        from otumat_sign import _build

        try:
            key, pub = _build.settings(self.config, _WHERE, _HATCHS)
            if key or pub:
                self._job = _build.prepare(key=key, pub=pub, project=self.root)
        except (SignError, OSError, ValueError) as error:
            self.app.abort(f"otumat-sign: {error}")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 -- the protocol's
        """Sign *artifact_path* in place."""
        if self._job is None:
            return
        try:
            notes = self._job.sign(artifact_path)
        except (SignError, OSError, ValueError) as error:
            self.app.abort(f"otumat-sign: {error}")
        else:
            for note in notes:
                self.app.display_info(note)


@hookimpl
def hatch_register_build_hook() -> type[SignHook]:
    """Tell hatchling about the hook."""
    return SignHook
