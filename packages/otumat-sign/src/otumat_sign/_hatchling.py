"""The hatchling build hook ``otumat-sign``: sign the finished wheel."""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

__all__ = ["SignHook", "hatch_register_build_hook"]


class SignHook(BuildHookInterface[Any]):
    """Configured by ``[tool.hatch.build.hooks.otumat-sign]`` with ``key`` and ``pub``."""

    PLUGIN_NAME = "otumat-sign"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Sign *artifact_path* in place; source archives and editable wheels are left alone."""
        if self.target_name != "wheel" or version != "standard":
            return
        from otumat_sign._build import sign_built_wheel
        from otumat_sign.exceptions import SignError

        key, pub = self._setting("key"), self._setting("pub")
        if key is None and pub is None:
            return
        try:
            notes = sign_built_wheel(artifact_path, key=key, pub=pub, project=self.root)
        except (SignError, OSError) as error:
            os.unlink(artifact_path)  # noqa: PTH108 -- an unsigned wheel must not look finished
            self.app.abort(str(error))
        for note in notes:
            self.app.display_info(note)

    def _setting(self, name: str) -> str | None:
        value = self.config.get(name)
        if value is not None and not isinstance(value, str):
            message = f"tool.hatch.build.hooks.otumat-sign.{name} must be a string"
            raise TypeError(message)
        return value


@hookimpl
def hatch_register_build_hook() -> type[SignHook]:
    """Tell hatchling about the hook."""
    return SignHook
