"""What a distribution says about itself: tag, version, changelog."""

from __future__ import annotations

import dataclasses

import pytest

from release import _project
from release._refused import Refused


def test_the_tag_of_this_version_is_taken(project):
    _project.check_tag(project, "otumat-watch-v1.2.3")
    _project.check_changelog(project)


@pytest.mark.parametrize("tag", ["v1.2.3", "otumat-watch-1.2.3", "otumat-other-v1.2.3",
                                 "otumat-watch-v1.2.3/../x", "otumat-watch-v1.2.3\n"])  # fmt: skip
def test_a_tag_that_names_no_distribution_is_refused(tag):
    with pytest.raises(Refused, match="not a release tag"):
        _project.dist_of(tag)


def test_every_distribution_is_found_in_its_tag():
    assert [_project.dist_of(f"{dist}-v1.0.0") for dist in _project.DISTS] == list(_project.DISTS)


def test_another_version_is_refused_with_both_sides(project):
    with pytest.raises(Refused, match=r"v1\.2\.4: .* says version 1\.2\.3"):
        _project.check_tag(project, "otumat-watch-v1.2.4")


def test_another_distributions_tag_is_refused(project):
    with pytest.raises(Refused, match="releases otumat-sign, not otumat-watch"):
        _project.check_tag(project, "otumat-sign-v1.2.3")


def test_a_development_version_is_refused_for_its_own_tag(project):
    development = dataclasses.replace(project, version="1.2.3.dev0")

    with pytest.raises(Refused, match="development version"):
        _project.check_tag(development, "otumat-watch-v1.2.3.dev0")


@pytest.mark.parametrize("head", ["Unreleased", "1.2.3", "1.2.4 - 2026-11-30",
                                  "1.2.3 - 30 November 2026", "1.2.3 - 2026-02-30"])  # fmt: skip
def test_a_changelog_must_begin_with_this_version_and_a_day(project, head):
    (project.folder / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## {head}\n\n## 1.2.3 - 2026-01-01\n"
    )

    with pytest.raises(Refused, match="CHANGELOG"):
        _project.check_changelog(project)


def test_a_changelog_without_a_heading_is_refused(project):
    (project.folder / "CHANGELOG.md").write_text("# Changelog\n")

    with pytest.raises(Refused, match=r"no heading"):
        _project.check_changelog(project)


def test_the_meta_package_waits_for_its_leaves(project):
    meta = dataclasses.replace(project, name="otumat", dependencies=("otumat-sign>=1.2.0,<2",))

    with pytest.raises(Refused, match=r"no tag otumat-sign-v1\.2\.0: release the leaves first"):
        _project.check_leaves(meta, {"otumat-sign-v1.1.0"})
    _project.check_leaves(meta, {"otumat-sign-v1.2.0"})


def test_there_is_no_fifth_distribution(repository):
    with pytest.raises(Refused, match="no such distribution"):
        _project.read(repository, "otumat-other")


def test_the_real_ones_can_be_read(root):
    read = [_project.read(root, dist) for dist in _project.DISTS]

    assert [project.name for project in read] == list(_project.DISTS)
    assert [project.licence for project in read] == ["MIT"] * 4
