"""The bill of materials: true, reproducible, valid by the oracle's schema."""

from __future__ import annotations

import dataclasses
import json

import pytest

from release import _project, _sbom
from release._refused import Refused


@pytest.mark.parametrize("dist", _project.DISTS)
def test_the_committed_file_is_what_pyproject_says(root, dist):
    _sbom.check(_project.read(root, dist))


def test_every_dependency_is_named_once_with_its_range(project):
    document = json.loads(_sbom.text(project))

    assert [
        (part["name"], part["scope"], part["properties"][0]["value"])
        for part in document["components"]
    ] == [
        ("click", "required", "click>=8.1"),
        ("watch-files", "required", "Watch_Files>=1; sys_platform != 'linux'"),
        ("httpx", "optional", "httpx[http2]>=0.27"),
    ]


def test_the_same_project_gives_the_same_bytes_and_another_version_others(project):
    later = dataclasses.replace(project, version="1.2.4")

    assert _sbom.text(project) == _sbom.text(project)
    assert (
        json.loads(_sbom.text(later))["serialNumber"]
        != json.loads(_sbom.text(project))["serialNumber"]
    )


def test_a_stale_file_is_refused_until_it_is_written_anew(project):
    with pytest.raises(Refused, match="nox -s sbom"):
        _sbom.check(project)

    _sbom.write(project)
    _sbom.check(project)


@pytest.mark.interop
@pytest.mark.parametrize("dist", _project.DISTS)
def test_cyclonedx_own_library_finds_it_valid(root, dist):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    text = _sbom.text(_project.read(root, dist))

    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"library"', '"librarium"')) is not None
