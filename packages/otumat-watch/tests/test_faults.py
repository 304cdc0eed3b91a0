"""Random saves at random moments: no change is ever lost."""

import os
import random
import time

import pytest

pytestmark = pytest.mark.fault


def save(chance, path, text):
    """Save in one of the ways programs do."""
    way = chance.randrange(5)
    if way == 0:
        path.write_text(text)
    elif way == 1:
        beside = path.with_name("beside")
        beside.write_text(text)
        beside.replace(path)
    elif way == 2:
        path.unlink(missing_ok=True)
        path.write_text(text)
    elif way == 3:
        path.rename(path.with_name("backup"))
        path.write_text(text)
    else:
        with path.open("w") as stream:
            for letter in text:
                stream.write(letter)
                stream.flush()


def test_the_last_run_saw_the_last_save(watch, tmp_path, seed):
    chance = random.Random(seed)
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_text("")
    watching = watch(path, options=["--no-safety-poll"])

    for number in range(150):
        save(chance, path, f"{seed}-{number}\n")
        end = time.monotonic() + chance.choice((0, 0, 0.0005, 0.002, 0.004, 0.01, 0.06))
        while time.monotonic() < end:
            os.sched_yield()
        if chance.random() < 0.1:
            run = watching.run()
            while run["arguments"] != [f"{seed}-{number}"]:
                run = watching.run()

    path.write_text("the end\n")
    while watching.run()["arguments"] != ["the end"]:
        pass


def test_a_tree_under_storm_is_seen_as_it_is_at_the_end(watch, tmp_path, make_script, seed):
    chance = random.Random(seed)
    root = tmp_path / "tree"
    root.mkdir()
    script = make_script(f"#!/bin/sh\ncd {root} && find . -type f | sort | xargs -r cat\n")
    watching = watch(root, script=script, options=["--no-safety-poll"])

    for number in range(200):
        folder = root / chance.choice("abc") / chance.choice("xyz")
        if chance.random() < 0.15 and folder.exists():
            away = root / f"moved-{number}"
            folder.rename(away)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / chance.choice("12")).write_text(f"{number}\n")

    wanted = [
        line
        for path in sorted(root.rglob("*"), key=os.fsencode)
        if path.is_file()
        for line in path.read_text().splitlines()
    ]
    run = watching.run()
    while sorted(run["arguments"]) != sorted(wanted):
        run = watching.run()
