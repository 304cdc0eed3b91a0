"""The laws of the workflows: pinned, without power they do not need, and nothing but nox."""

from __future__ import annotations

import ast
import itertools
import pathlib
import re
import runpy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
FACTS = runpy.run_path(str(ROOT / "scripts" / "tasks" / "_facts.py"))
TEXTS = {path.name: path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {
    f"{name}:{key}": job
    for name, workflow in WORKFLOWS.items()
    for key, job in workflow["jobs"].items()
}
PINNED = re.compile(r"[\w.-]+/[\w.-]+@(?P<hash>[0-9a-f]{40}) # v\d+\.\d+\.\d+")
#: All that a step may run: what brings nox, what a session says it needs, nox, and the gate's "no".
ALLOWED = [
    re.compile(line)
    for line in (
        r'python -m pip install -q "nox\[uv\]"',
        r"python -m pip install -q --require-hashes -r scripts/release/nox\.txt",
        (
            r"sudo apt-get update -q && "
            r"sudo apt-get install -qy --no-install-recommends( [a-z][a-z0-9-]*)+"
        ),
        r'(sudo env "PATH=\$PATH" )?python -m nox [^;&|`]*',
        r"exit 1",
    )
]
#: Sessions that no pull request runs: they measure, take an hour, write a file, or release.
NOT_IN_CI = {
    "bench", "soak", "sbom", "release-tag", "release-build", "release-sign", "release-try",
}  # fmt: skip


def _sessions() -> set[str]:
    """Return the names of the sessions that the task file defines."""
    names = set()
    for function in ast.parse((ROOT / "noxfile.py").read_text()).body:
        for decorator in getattr(function, "decorator_list", ()):
            text = ast.unparse(decorator)
            if text.startswith("nox.session"):
                named = re.search(r"name='([^']+)'", text)
                names.add(named[1] if named else function.name)
    return names


def _combinations(job: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the values of the job's matrix, one combination after the other."""
    matrix = dict(job.get("strategy", {}).get("matrix", {}))
    include = matrix.pop("include", [{}])
    for values in itertools.product(*matrix.values()):
        for more in include:
            yield dict(zip(matrix, values, strict=True)) | more


def _commands(job: dict[str, Any]) -> Iterator[str]:
    """Yield what each step runs, for each combination, its variables filled in."""
    for values in _combinations(job):
        for step in job["steps"]:
            command = step.get("run", "")
            for name, value in step.get("env", {}).items():
                key = re.fullmatch(r"\$\{\{ matrix\.(\w+) \}\}", value)
                filled = values.get(key[1], "") if key else "otumat-sign"
                command = re.sub(rf"\${name}\b", lambda _, filled=filled: filled, command)
            skipped = step.get("if") == "matrix.packages" and not values.get("packages")
            if command and not skipped:
                yield command


def _asked(job: dict[str, Any]) -> set[str]:
    """Return the sessions that the job's commands ask for, with their Python and parameter."""
    asked: set[str] = set()
    for command in _commands(job):
        if found := re.search(r"-m nox (?:-R )?-s (.*?)(?: --(?: .*|install-only))?$", command):
            asked.update(found[1].replace('"', "").split())
    return asked


def test_every_action_is_pinned_by_its_full_hash_with_the_version_beside_it():
    lines = [line for text in TEXTS.values() for line in text.splitlines() if "uses:" in line]
    loose = [line for line in lines if not PINNED.fullmatch(line.partition("uses: ")[2])]

    assert lines
    assert loose == []


def test_one_action_has_one_hash_everywhere():
    pins = {tuple(line.partition("uses: ")[2].split("@")) for text in TEXTS.values()
            for line in text.splitlines() if "uses:" in line}  # fmt: skip

    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_has_no_power_of_its_own_and_no_dangerous_trigger(name):
    workflow = WORKFLOWS[name]

    assert workflow["permissions"] == {}
    # YAML 1.1 reads the key `on` as true.
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow[True])


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
class TestEachJob:
    def test_says_what_it_may_and_how_long(self, job):
        publishes = job is JOBS["release.yml:publish"]

        assert job["permissions"] in (
            [{"id-token": "write"}] if publishes else [{"contents": "read"}, {}]
        )
        assert 0 < job["timeout-minutes"] <= 60

    def test_leaves_no_token_in_the_checkout(self, job):
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False

    def test_runs_nothing_but_nox_and_pastes_nothing_into_a_shell(self, job):
        runs = [step["run"] for step in job["steps"] if "run" in step]
        strange = [c for c in _commands(job) if not any(a.fullmatch(c) for a in ALLOWED)]

        assert strange == []
        assert not [run for run in runs if "${{" in run]

    def test_asks_only_for_sessions_that_exist(self, job):
        known = _sessions()
        asked = {re.sub(r"(-3\.\d+t?)?(\(.*\))?$", "", name) for name in _asked(job)}

        assert asked <= known


def test_ci_runs_every_session_but_those_that_are_not_for_it():
    asked = {
        re.sub(r"-3\.\d+t?$", "", name)
        for job in WORKFLOWS["ci.yml"]["jobs"].values()
        for name in _asked(job)
    }

    assert _sessions() - asked == NOT_IN_CI


def test_ci_runs_every_supported_python_on_three_systems_and_tries_tomorrows():
    jobs = WORKFLOWS["ci.yml"]["jobs"]
    systems = ["ubuntu-latest", "macos-latest", "windows-latest"]

    assert jobs["tests"]["strategy"]["matrix"] == {
        "os": systems, "python": list(FACTS["SUPPORTED"]),
    }  # fmt: skip
    assert jobs["tomorrow"]["strategy"]["matrix"] == {
        "os": systems, "python": list(FACTS["TOMORROW"]),
    }  # fmt: skip
    assert [name for name, job in jobs.items() if job.get("continue-on-error")] == ["tomorrow"]


def test_the_one_required_check_waits_for_all_others_and_is_told_to_contributors():
    jobs = dict(WORKFLOWS["ci.yml"]["jobs"])
    required = jobs.pop("required")

    assert required["if"] == "always()"
    assert required["needs"] == list(jobs)
    (step,) = required["steps"]
    assert re.findall(r"needs\.\*\.result, '(\w+)'", step["if"]) == [
        "failure",
        "cancelled",
        "skipped",
    ]
    assert "`required`" in (ROOT / "CONTRIBUTING.md").read_text()


class TestRelease:
    JOBS = WORKFLOWS["release.yml"]["jobs"]

    def test_a_tag_of_each_distribution_starts_it_and_nothing_else(self):
        triggers = WORKFLOWS["release.yml"][True]

        assert list(triggers) == ["push"]
        assert triggers["push"] == {"tags": sorted(f"{dist}-v*" for dist in FACTS["DISTS"])}

    def test_each_job_waits_for_the_one_before(self):
        assert {name: job.get("needs") for name, job in self.JOBS.items()} == {
            "tag": None,
            "tests": "tag",
            "build": ["tag", "tests"],
            "sign": ["tag", "build"],
            "publish": ["tag", "sign"],
        }

    def test_the_secret_is_in_one_step_of_the_protected_job(self):
        holders = [
            (name, step["run"])
            for name, job in self.JOBS.items()
            for step in job["steps"]
            if "secrets." in str(step)
        ]

        assert [name for name, _ in holders] == ["sign"]
        assert holders[0][1].startswith("python -m nox -R -s release-sign ")  # installs nothing
        assert TEXTS["release.yml"].count("secrets.") == 1
        assert "secrets." not in TEXTS["ci.yml"]
        assert self.JOBS["sign"]["environment"] == "signing"

    def test_what_was_signed_is_installed_only_after_the_secret_has_gone(self):
        runs = [step.get("run", "") for step in self.JOBS["sign"]["steps"]]
        (tried,) = [number for number, run in enumerate(runs) if "-s release-try " in run]

        assert "-R -s release-sign " in runs[tried - 1]
        assert "secrets." not in str(self.JOBS["sign"]["steps"][tried])

    def test_the_job_with_an_identity_runs_nothing_of_ours(self):
        publish = self.JOBS["publish"]

        assert [step for step in publish["steps"] if "run" in step] == []
        assert publish["environment"] == "${{ needs.tag.outputs.dist }}"
        assert publish["steps"][-1]["with"]["attestations"] is True

    def test_what_is_published_is_what_was_signed(self):
        moved = [
            (job, re.sub(r"actions/(.*)-artifact@.*", r"\1", step["uses"]), step["with"]["name"])
            for job in ("build", "sign", "publish")
            for step in self.JOBS[job]["steps"]
            if "-artifact@" in step.get("uses", "")
        ]

        assert moved == [
            ("build", "upload", "unsigned"),
            ("sign", "download", "unsigned"),
            ("sign", "upload", "signed"),
            ("publish", "download", "signed"),
        ]
