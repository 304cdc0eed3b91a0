"""The edge-case table: real files, real processes; each line of it is one test."""

# Bytes as names and descriptors need os.path and os.
# ruff: noqa: PTH102, PTH104, PTH118, PTH123

import mmap
import os
import sys
import time

import pytest

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the native source is Linux"),
]


@pytest.fixture(name="file")
def _file(tmp_path):
    path = tmp_path / "watched" / "file.txt"
    path.parent.mkdir()
    path.write_text("old\n")
    return path


def replace(path, text):
    """Save as most programs do: a new file over the old name."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text)
    beside.replace(path)


def the_change(run):
    [change] = run["changes"]
    return change["event"]


def test_a_save_is_one_run_that_sees_it(watch, file):
    watching = watch(file)

    file.write_text("new\n")

    run = watching.run()
    assert (the_change(run), run["arguments"]) == ("modified", ["new"])
    assert watching.barrier() == []


def test_an_append_is_one_run(watch, file):
    watching = watch(file)

    with file.open("a") as stream:
        stream.write("more\n")

    assert watching.run()["arguments"] == ["old", "more"]
    assert watching.barrier() == []


def test_a_truncation_is_one_run(watch, file):
    watching = watch(file)

    os.truncate(file, 0)

    assert watching.run()["arguments"] == []
    assert watching.barrier() == []


def test_every_atomic_save_is_one_run(watch, file):
    watching = watch(file)

    for number in range(5):
        replace(file, f"{number}\n")
        assert watching.run()["arguments"] == [str(number)]

    assert watching.barrier() == []


def test_vims_backup_dance_is_one_run(watch, file):
    watching = watch(file)

    for number in range(2):
        backup = file.with_name("file.txt~")
        file.rename(backup)
        file.write_text(f"{number}\n")
        backup.unlink()

        run = watching.run()
        assert (the_change(run), run["arguments"]) == ("modified", [str(number)])

    assert watching.barrier() == []


def test_a_file_deleted_and_made_again_at_once_is_one_run(watch, file):
    watching = watch(file)

    for number in range(3):
        file.unlink()
        file.write_text(f"{number}\n")

        assert watching.run()["arguments"] == [str(number)]

    assert watching.barrier() == []


def test_a_deletion_is_told_and_so_is_the_return(watch, file):
    watching = watch(file)

    for number in range(2):
        file.unlink()
        run = watching.run()
        assert (the_change(run), run["arguments"]) == ("deleted", [])
        file.write_text(f"{number}\n")
        run = watching.run()
        assert (the_change(run), run["arguments"]) == ("created", [str(number)])

    assert watching.barrier() == []


def test_a_rewrite_of_the_same_size_in_the_same_second_is_a_run(watch, file):
    watching = watch(file)
    before = file.stat()

    file.write_text("new\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert watching.run()["arguments"] == ["new"]


def test_an_identical_rewrite_is_a_run(watch, file):
    watching = watch(file)

    file.write_text("old\n")

    assert watching.run()["arguments"] == ["old"]
    assert watching.barrier() == []


def test_an_identical_rewrite_is_none_by_content(watch, file):
    watching = watch(file, options=["--hash"])

    file.write_text("old\n")
    os.utime(file)

    assert watching.barrier() == []
    file.write_text("new\n")
    assert watching.run()["arguments"] == ["new"]


def test_a_touch_is_a_run(watch, file):
    watching = watch(file)

    os.utime(file)

    assert the_change(watching.run()) == "modified"
    assert watching.barrier() == []


def test_an_older_mtime_is_a_run(watch, file):
    watching = watch(file)

    os.utime(file, (1, 1))

    assert the_change(watching.run()) == "modified"


def test_neither_chmod_nor_a_read_nor_a_neighbour_is_a_run(watch, file):
    watching = watch(file)

    file.chmod(0o600)
    file.read_text()
    file.with_name("neighbour").write_text("x")
    with file.open("r+"):
        pass

    assert watching.barrier() == []


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


def test_a_burst_of_a_thousand_saves_ends_with_a_run_that_saw_the_last(watch, file):
    watching = watch(file)

    for number in range(1000):
        file.write_text(f"{number}\n")

    runs = []
    while not runs or runs[-1]["arguments"] != ["999"]:
        runs.append(watching.run())
    assert len(runs) < 1000


def test_changes_during_a_run_are_one_trailing_run(watch, file, tmp_path, make_script, until):
    script = make_script(
        '#!/bin/sh\ncat "$OTUMAT_WATCH_FILE"\ntouch started\n'
        "while [ ! -e go ]; do sleep 0.01; done\n"
    )
    watching = watch(file, script=script)

    file.write_text("first\n")
    until((tmp_path / "started").exists)
    for number in range(5):
        file.write_text(f"{number}\n")
    (tmp_path / "go").touch()

    assert watching.run()["arguments"] == ["first"]
    assert watching.run()["arguments"] == ["4"]
    assert watching.barrier() == []


def test_a_change_at_the_very_end_of_a_run_is_not_lost(watch, file, make_script):
    """The script itself starts the writer that changes the file as the last thing it does."""
    script = make_script(
        '#!/bin/sh\ncat "$OTUMAT_WATCH_FILE"\n'
        '[ "$OTUMAT_WATCH_RUN" = 1 ] && echo last > "$OTUMAT_WATCH_FILE"\nexit 0\n'
    )
    watching = watch(file, script=script)

    file.write_text("first\n")

    assert watching.run()["arguments"] == ["first"]
    assert watching.run()["arguments"] == ["last"]
    assert watching.barrier() == []


def test_a_script_that_rewrites_what_it_watches_is_told_of_and_slowed(watch, file, make_script):
    script = make_script('#!/bin/sh\necho again > "$OTUMAT_WATCH_FILE"\n')
    watching = watch(file, script=script, options=["-i", "60"])

    file.write_text("first\n")
    note = watching.wait_for("note")

    assert "the script seems to change what it watches" in note["text"]
    begin = time.monotonic()
    runs = [watching.run() for _ in range(9)]
    assert time.monotonic() - begin > 0.5
    assert runs[-1]["run"] == 9


def test_a_slow_writers_last_run_saw_the_whole_save(watch, file):
    watching = watch(file, options=["--settle", "0.4"])

    with file.open("w", buffering=1) as stream:
        for number in range(10):
            stream.write(f"{number}\n")
            time.sleep(0.02)

    run = watching.run()
    assert run["arguments"] == [str(number) for number in range(10)]
    assert watching.barrier() == []


def test_a_writer_that_keeps_the_file_open_is_answered_when_it_pauses(watch, file):
    watching = watch(file)

    with file.open("a", buffering=1) as stream:
        stream.write("line\n")
        assert watching.run()["arguments"] == ["old", "line"]

    assert watching.barrier() == [], "closing without writing more is no change"


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


def test_several_files_are_watched_and_one_run_answers_all_that_changed(
    watch, tmp_path, make_script, until
):
    one, two = tmp_path / "one", tmp_path / "two"
    script = make_script("#!/bin/sh\ntouch started\nwhile [ ! -e go ]; do sleep 0.01; done\n")
    watching = watch(one, two, script=script)

    one.write_text("1")
    until((tmp_path / "started").exists)
    one.write_text("2")
    two.write_text("2")
    (tmp_path / "go").touch()

    watching.run()
    assert {change["path"] for change in watching.run()["changes"]} == {str(one), str(two)}


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
