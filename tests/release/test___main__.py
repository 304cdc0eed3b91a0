"""The command: one line and an exit code for every "no"."""

from __future__ import annotations

import pytest

from release import __main__ as command


@pytest.fixture(name="release")
def _release(repository, monkeypatch, capsys):
    """The command at work in the small repository; it returns the exit code and what it said."""
    monkeypatch.setattr(command, "ROOT", repository)

    def release(*args: object) -> tuple[int, str]:
        code = command.main([str(arg) for arg in args])
        return code, "".join(capsys.readouterr())

    return release


@pytest.fixture(name="packaged")
def _packaged(project):
    """Give the small project all that a release is checked for."""

    def packaged() -> None:
        from release import _sbom

        (project.folder / "README.md").write_text("# Watch\n")
        with (project.folder / "pyproject.toml").open("r+") as file:
            text = file.read().replace("[project]\n", '[project]\nreadme = "README.md"\n')
            file.seek(0)
            file.write(text)
        _sbom.write(project)

    return packaged


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check"], "say which distribution: one of otumat-sign, "),
        (["check", "otumat-other"], "otumat-other: no such distribution"),
        (["tag", "v1.2.3"], "v1.2.3: not a release tag"),
        (["sign", "otumat-watch"], "sign: give --key and --out"),
        (["try", "otumat-watch"], "try: give --out"),
        (["try", "otumat-watch", "--out", "d", "--pub", "no.pub"], "no.pub: not there"),
        (["sign", "otumat-watch", "--key", "k", "--out", "d", "--pub", "no.pub"], "no.pub: not"),
    ],
)
def test_a_no_is_one_line_and_exit_code_1(release, args, said):
    code, output = release(*args)

    assert code == 1
    assert output.startswith(f"release: {said}")
    assert output.count("\n") == 1


def test_what_cannot_be_found_out_is_exit_code_2(release):
    code, output = release("build", "otumat-sign")

    assert code == 2
    assert "packages/otumat-sign/pyproject.toml" in output


@pytest.mark.interop
class TestInARepository:
    def test_a_good_tag_names_its_distribution_for_the_workflow(self, release, commit, tmp_path):
        commit()
        (tmp_path / "output").write_text("before=1\n")

        code, _ = release("tag", "otumat-watch-v1.2.3", "--output", tmp_path / "output")

        assert code == 0
        assert (tmp_path / "output").read_text() == "before=1\ndist=otumat-watch\n"

    def test_a_wrong_tag_of_this_commit_is_found(self, release, commit):
        commit()("tag", "otumat-watch-v1.2.4")

        code, output = release("check", "otumat-watch")

        assert code == 1
        assert "otumat-watch-v1.2.4: packages/otumat-watch/pyproject.toml says" in output

    def test_what_is_not_committed_ends_a_check(self, release, commit, project):
        commit()
        (project.folder / "new.py").touch()

        code, output = release("check", "otumat-watch")

        assert code == 1
        assert "packages/otumat-watch/new.py: not committed" in output

    def test_a_rehearsal_says_what_would_end_a_release_and_goes_on(self, release, commit, project):
        (project.folder / "CHANGELOG.md").write_text("## Unreleased\n")
        commit()

        code, output = release("check", "otumat-watch", "--rehearse")

        first, second = output.splitlines()
        assert first.startswith("release: rehearsal: a release would end here: packages/")
        assert second.endswith("run `nox -s sbom`")
        assert code == 1

    def test_signing_installs_nothing_while_it_holds_the_key(
        self, release, packaged, commit, project, tmp_path, monkeypatch
    ):
        """What an index holds would run beside the key."""
        from release import _install, _signing

        def install(*_):
            raise AssertionError("an environment is made")

        monkeypatch.setattr(_install.Venv, "_uv", install)
        packaged()
        commit()
        out = tmp_path / "dist"
        key, pub = _signing.throw_away_key(tmp_path / "key")
        release("build", "otumat-watch", "--out", out)
        code, output = release("sign", "otumat-watch", "--out", out, "--key", key.uri, "--pub", pub)

        assert (code, output) == (0, output)
        assert f"{project.wheel}: openssl and sha256sum agree" in output
        assert (out / project.wheel).stat().st_size

    def test_a_wheel_signed_by_another_key_is_not_left(
        self, release, packaged, commit, project, tmp_path
    ):
        from release import _signing

        packaged()
        commit()
        out = tmp_path / "dist"
        key, _ = _signing.throw_away_key(tmp_path / "key")
        _, pub = _signing.throw_away_key(tmp_path / "other")
        release("build", "otumat-watch", "--out", out)
        before = (out / project.wheel).read_bytes()
        code, output = release("sign", "otumat-watch", "--out", out, "--key", key.uri, "--pub", pub)

        assert code == 1
        assert "openssl: made by none of the 1 keys" in output
        assert (out / project.wheel).read_bytes() == before

    def test_the_key_signs_only_what_can_be_built_again(
        self, release, packaged, commit, project, tmp_path
    ):
        from release import _signing

        packaged()
        commit()
        out = tmp_path / "dist"
        assert release("build", "otumat-watch", "--out", out)[0] == 0
        key, pub = _signing.throw_away_key(tmp_path / "key")
        planted = out / project.wheel
        planted.write_bytes(planted.read_bytes() + b"x")

        code, output = release("sign", "otumat-watch", "--out", out, "--key", key.uri, "--pub", pub)

        assert code == 1
        assert f"{project.wheel}: rebuilt here and as delivered, the bytes differ" in output
