"""Laws of mounts: overlay, FUSE, one mount over another. Needs root, mount(8) and bindfs."""

import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.mounts


@pytest.fixture(name="mount")
def _mount():
    """Run a command that mounts something on its last argument; unmounted at the end."""
    mounted = []

    def mount(*command):
        assert os.geteuid() == 0, "these tests mount file systems: run them as root"
        assert shutil.which(command[0]), f"these tests need {command[0]}: apt-get install bindfs"
        subprocess.run([*map(str, command)], check=True)
        mounted.append(str(command[-1]))

    yield mount
    for point in reversed(mounted):
        subprocess.run(["umount", "-l", point], check=False)


def test_the_copy_up_of_an_overlay_is_a_run_and_so_is_every_later_save(watch, tmp_path, mount):
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    (tmp_path / "lower" / "f").write_text("old\n")
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    mount("mount", "-t", "overlay", "overlay", "-o", layers, tmp_path / "merged")
    watching = watch(tmp_path / "merged" / "f")

    (tmp_path / "merged" / "f").write_text("1\n")
    assert watching.run()["arguments"] == ["1"]
    (tmp_path / "merged" / "f").write_text("2\n")

    assert watching.run()["arguments"] == ["2"]
    assert "inotify" in watching.armed["how"]


@pytest.mark.parametrize("spec", ["mirror/f", "mirror"])
def test_what_is_written_on_the_other_side_of_a_fuse_mount_is_polled_for(
    watch, tmp_path, mount, spec
):
    for name in ("real", "mirror"):
        (tmp_path / name).mkdir()
    (tmp_path / "real" / "f").write_text("old\n")
    mount("bindfs", tmp_path / "real", tmp_path / "mirror")
    watching = watch(spec, options=["-i", "0.2"])

    (tmp_path / "real" / "f").write_text("other side\n")

    assert watching.run()["arguments"] == ["other side"]
    assert "polling every 0.2 s" in watching.armed["how"]
    assert "fuse" in watching.wait_for("note")["text"]


def test_a_file_system_mounted_over_the_folder_is_noticed_and_followed(watch, tmp_path, mount):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("below\n")
    watching = watch("d/f", options=["-i", "0.2"])

    mount("mount", "-t", "tmpfs", "tmpfs", tmp_path / "d")
    assert watching.run()["changes"] == [{"path": "d/f", "event": "deleted"}]
    (tmp_path / "d" / "f").write_text("above\n")
    assert watching.run()["arguments"] == ["above"]
    subprocess.run(["umount", tmp_path / "d"], check=True)

    assert watching.run()["arguments"] == ["below"]
