"""Write the bill of materials of a distribution: CycloneDX, from its pyproject.toml alone.

hatchling copies the file into the wheel's ``.dist-info/sboms/`` (PEP 770). It holds no time and no
random number, so the same pyproject.toml gives the same bytes. A wheel of ours bundles nothing:
what is listed is what an installer will fetch, with the declared range instead of a version.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING

from release._refused import Refused

if TYPE_CHECKING:
    from release._project import Project

FILE = "sbom.cdx.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def text(project: Project) -> str:
    """Return the bill of materials of *project*."""
    purl = f"pkg:pypi/{project.name}@{project.version}"
    rows = [(row, "") for row in project.dependencies]
    rows += [(row, extra) for extra, extras in project.extras.items() for row in extras]
    components = [_component(row, extra) for row, extra in rows]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, purl)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": purl,
                "name": project.name,
                "version": project.version,
                "description": project.description,
                "licenses": [{"license": {"id": project.licence}}],
                "purl": purl,
            },
        },
        "components": components,
        "dependencies": [
            {"ref": purl, "dependsOn": [part["bom-ref"] for part in components]},
            *({"ref": part["bom-ref"]} for part in components),
        ],
        "compositions": [
            {"aggregate": "incomplete_third_party_only", "dependencies": [purl]},
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def check(project: Project) -> None:
    """Hold the file in the folder of *project* to what `text` gives."""
    path = project.folder / FILE
    if not path.exists() or path.read_text(encoding="utf-8") != text(project):
        raise Refused(
            f"packages/{project.name}/{FILE}: not what pyproject.toml says: run `nox -s sbom`"
        )


def write(project: Project) -> None:
    """Write the file into the folder of *project*."""
    (project.folder / FILE).write_text(text(project), encoding="utf-8", newline="\n")


def _component(row: str, extra: str) -> dict[str, object]:
    name = re.sub(r"[-_.]+", "-", _NAME.match(row)[0]).lower()  # type: ignore[index]
    described = [{"name": "otumat:requirement", "value": row}]
    if extra:
        described.append({"name": "otumat:extra", "value": extra})
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}#{extra}" if extra else f"pkg:pypi/{name}",
        "name": name,
        "scope": "optional" if extra else "required",
        "purl": f"pkg:pypi/{name}",
        "properties": described,
    }
