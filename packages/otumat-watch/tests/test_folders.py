"""Folders, globs and names: what is below, what is not there yet, what comes back."""

# Bytes as names need os.path and os.
# ruff: noqa: PTH102, PTH104, PTH118, PTH123

import os
import sys

import pytest

from ._runs import the_change

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the native source is Linux"),
]


def test_a_parent_that_is_removed_and_made_again_is_followed(watch, file, until):
    watching = watch(file)

    for number in range(3):
        file.unlink()
        file.parent.rmdir()
        assert the_change(watching.run()) == "deleted"
        file.parent.mkdir()
        file.write_text(f"{number}\n")
        run = until(watching.run)
        assert (the_change(run), run["arguments"]) == ("created", [str(number)])

    file.write_text("still\n")
    assert watching.run()["arguments"] == ["still"]


def test_a_parent_renamed_away_and_another_in_its_place_is_followed(watch, file):
    watching = watch(file)
    other = file.parent.with_name("other")
    other.mkdir()
    (other / file.name).write_text("other\n")

    file.parent.rename(file.parent.with_name("away"))
    other.rename(file.parent)
    assert watching.run()["arguments"] == ["other"]
    file.write_text("after\n")

    assert watching.run()["arguments"] == ["after"]
    assert watching.barrier() == []


def test_a_file_missing_at_the_start_is_waited_for(watch, tmp_path):
    path = tmp_path / "not" / "yet" / "there.txt"
    watching = watch(path)

    path.parent.mkdir(parents=True)
    path.write_text("now\n")
    run = watching.run()
    assert (the_change(run), run["arguments"]) == ("created", ["now"])
    path.write_text("again\n")

    assert watching.run()["arguments"] == ["again"]


def test_a_relative_name_survives_the_removal_of_the_current_folder(watch, tmp_path, make_script):
    script = make_script()
    here = tmp_path / "here"
    here.mkdir()
    (here / "f").write_text("0\n")
    watching = watch("f", script=script, cwd=here)

    (here / "f").unlink()
    watching.run()
    here.rmdir()
    here.mkdir()
    (here / "f").write_text("1\n")

    run = watching.run()
    assert (run["changes"], run["arguments"]) == ([{"path": "f", "event": "created"}], ["1"])


def test_a_folder_tells_of_every_file_below_it(watch, tmp_path):
    root = tmp_path / "tree"
    (root / "a").mkdir(parents=True)
    (root / "a" / "old").write_text("")
    watching = watch(root)

    (root / "a" / "old").write_text("1\n")
    assert watching.run()["changes"] == [{"path": str(root / "a" / "old"), "event": "modified"}]
    (root / "b" / "c").mkdir(parents=True)
    (root / "b" / "c" / "new").write_text("2\n")
    assert watching.run()["changes"] == [
        {"path": str(root / "b" / "c" / "new"), "event": "created"}
    ]
    (root / "b").rename(root / "d")
    events = {(c["path"], c["event"]) for run in watching.barrier() for c in run["changes"]}
    assert events == {
        (str(root / "d" / "c" / "new"), "created"),
        (str(root / "b" / "c" / "new"), "deleted"),
    }
    (root / "d" / "c" / "new").write_text("3\n")
    assert watching.run()["changes"] == [
        {"path": str(root / "d" / "c" / "new"), "event": "modified"}
    ]


def test_a_folder_leaves_out_what_tools_and_editors_keep_for_themselves(watch, tmp_path):
    root = tmp_path / "tree"
    (root / ".git").mkdir(parents=True)
    watching = watch(root)

    (root / ".git" / "index").write_text("x")
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "m.pyc").write_text("x")
    for name in (".f.swp", "f~", "4913", ".#f"):
        (root / name).write_text("x")

    assert watching.barrier() == []


def test_a_folder_that_is_removed_and_made_again_is_followed(watch, tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    (root / "f").write_text("0\n")
    watching = watch(root)

    (root / "f").unlink()
    root.rmdir()
    watching.barrier()
    root.mkdir()
    (root / "f").write_text("1\n")
    watching.barrier()
    (root / "f").write_text("2\n")

    run = watching.run()
    assert (run["changes"][0]["path"], run["arguments"]) == (str(root / "f"), ["2"])


def test_a_glob_tells_of_what_matches_now_or_later(watch, tmp_path):
    (tmp_path / "src").mkdir()
    watching = watch(tmp_path / "src" / "**" / "*.py")

    (tmp_path / "src" / "a.txt").write_text("no")
    (tmp_path / "src" / "deep").mkdir()
    (tmp_path / "src" / "deep" / "a.py").write_text("1\n")

    assert watching.run()["changes"] == [
        {"path": str(tmp_path / "src" / "deep" / "a.py"), "event": "created"}
    ]
    assert watching.barrier() == []


@pytest.mark.parametrize(
    "name",
    [
        b"with space",
        b"new\nline",
        "größe-文件".encode(),
        b"not-utf8-\xff\xfe",
        b"[glob]*?",
        b"quote'\"$HOME",
        b"-dash",
    ],
)
def test_any_name_of_a_file_and_of_a_script_works(watch, tmp_path, make_script, name):
    folder = os.path.join(os.fsencode(tmp_path), b"names")
    os.mkdir(folder)
    path, script = os.path.join(folder, name), os.path.join(folder, b"s-" + name + b".sh")
    with open(path, "wb"):
        pass
    os.rename(make_script(), script)
    watching = watch(path, script=script)

    with open(path, "wb") as stream:
        stream.write(b"seen\n")

    assert watching.run()["arguments"] == ["seen"]
