"""The ready workflows of the guide "sign your releases": as strict as our own, and not stale."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs/how-to/sign-releases.md").read_text()
GITHUB, GITLAB = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
OURS = (ROOT / ".github/workflows/release.yml").read_text()


def _shell_lines() -> list[str]:
    """Return what the jobs of both workflows run, line by line."""
    github = [
        step["run"]
        for job in yaml.safe_load(GITHUB)["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    gitlab = [
        line
        for job in yaml.safe_load(GITLAB).values()
        if isinstance(job, dict)
        for line in job.get("script", ())
    ]
    return github + gitlab


def _otumat_sign_commands() -> Iterator[list[str]]:
    for line in _shell_lines():
        words = shlex.split(line)
        if "otumat-sign" in words and "install" not in words:
            yield words[words.index("otumat-sign") + 1 :]


def test_github_uses_the_very_pins_of_our_own_release():
    pins = set(re.findall(r"uses: (\S+@\S+ # v\S+)", GITHUB))

    assert len(pins) == 5
    assert pins == set(re.findall(r"uses: (\S+@\S+ # v\S+)", OURS))


def test_on_github_one_step_has_the_key_and_one_job_an_identity():
    workflow = yaml.safe_load(GITHUB)
    jobs = workflow["jobs"]
    holders = [(name, step) for name, job in jobs.items() for step in job["steps"]
               if "secrets." in str(step)]  # fmt: skip

    assert workflow["permissions"] == {}
    assert {name: list(job["permissions"]) for name, job in jobs.items()} == {
        "build": ["contents"],
        "sign": ["contents"],
        "publish": ["id-token"],
    }
    assert [name for name, _ in holders] == ["sign"]
    assert "pip install" not in holders[0][1]["run"]
    assert not [step for step in jobs["publish"]["steps"] if "run" in step]


def test_on_gitlab_the_jobs_run_in_order_and_the_key_is_in_one():
    workflow = yaml.safe_load(GITLAB)
    jobs = [name for name in workflow if name in workflow["stages"]]

    assert jobs == workflow["stages"] == ["build", "sign", "publish"]
    assert [name for name in jobs if "RELEASE_KEY" in str(workflow[name])] == ["sign"]
    assert [name for name in jobs if "id_tokens" in workflow[name]] == ["publish"]
    assert [workflow[name].get("environment") for name in jobs] == [None, "signing", "pypi"]


def test_both_sign_and_then_verify_with_options_that_exist():
    from otumat_sign.cli import sign_command, verify_command

    commands = {"sign": sign_command, "verify": verify_command}
    asked = list(_otumat_sign_commands())

    assert [words[0] for words in asked] == ["sign", "verify", "verify"] * 2
    for name, *words in asked:
        commands[name].make_context(name, [*words])  # parses, and runs nothing


@pytest.mark.interop
def test_zizmor_finds_nothing_in_the_github_workflow(tmp_path):
    workflow = tmp_path / ".github" / "workflows" / "release.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(GITHUB)
    zizmor = pathlib.Path(sys.executable).with_name("zizmor")

    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "-q", workflow],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout + done.stderr) == (0, "No findings to report. Good job!\n")
