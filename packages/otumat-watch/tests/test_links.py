"""What is seen through links, hard ones, symbolic ones and memory maps."""

import mmap
import os
import sys

import pytest

from ._saves import replace

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the native source is Linux"),
]


def test_a_new_hard_link_over_the_name_is_a_run(watch, file):
    watching = watch(file)
    other = file.with_name("other")
    other.write_text("linked\n")

    file.unlink()
    os.link(other, file)

    assert watching.run()["arguments"] == ["linked"]


def test_a_write_through_another_hard_link_is_seen_by_the_safety_look(watch, file, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.link(file, elsewhere / "link")
    watching = watch(file, options=["-i", "0.1"])

    (elsewhere / "link").write_text("through\n")

    assert watching.run()["arguments"] == ["through"]


def test_a_write_through_mmap_is_seen_by_the_safety_look(watch, file):
    watching = watch(file, options=["-i", "0.1"])

    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as view:
        view[:3] = b"map"
        view.flush()

        assert watching.run()["arguments"] == ["map"]


def test_a_links_target_that_is_written_is_a_run(watch, file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    watching = watch(link)

    file.write_text("1\n")
    assert watching.run()["arguments"] == ["1"]
    replace(file, "2\n")
    assert watching.run()["arguments"] == ["2"]

    assert watching.barrier() == []


def test_a_link_that_is_pointed_elsewhere_is_a_run_and_its_new_target_too(watch, file, tmp_path):
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "other"
    other.write_text("other\n")
    link = tmp_path / "link"
    link.symlink_to(file)
    watching = watch(link)

    (tmp_path / "link.new").symlink_to(other)
    (tmp_path / "link.new").replace(link)
    assert watching.run()["arguments"] == ["other"]
    other.write_text("written\n")
    assert watching.run()["arguments"] == ["written"]
    file.write_text("nobody cares\n")

    assert watching.barrier() == []


def test_a_kubernetes_data_swap_is_a_run_each_time(watch, tmp_path):
    mount = tmp_path / "config"

    def publish(number):
        version = mount / f"..version_{number}"
        version.mkdir(parents=True)
        (version / "key").write_text(f"{number}\n")
        (mount / "..data_tmp").symlink_to(version.name)
        (mount / "..data_tmp").replace(mount / "..data")

    publish(0)
    (mount / "key").symlink_to("..data/key")
    watching = watch(mount / "key")

    for number in (1, 2, 3):
        publish(number)
        assert watching.run()["arguments"] == [str(number)]

    assert watching.barrier() == []
