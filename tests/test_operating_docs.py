"""The operator's page is true: it names every number of /metrics, with its labels."""

from __future__ import annotations

import pathlib
import re

from otumat_usage.host._metrics import Metrics

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "operating.md"
ROWS = {
    name: set(re.findall("`([a-z_]+)`", labels))
    for names, labels in re.findall(
        r"^\| (`[a-z_`, ]+_[a-z]+`) \| [^|]+ \|([^|]*)\|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    for name in re.findall("`([a-z_]+)`", names)
}


def test_every_number_of_a_host_is_in_the_table_and_no_other():
    metrics = Metrics()
    every = {
        each.name: set(getattr(each, "labels", None) or [each.label])
        for each in vars(metrics).values()
        if hasattr(each, "name")
    }
    gauges = re.findall("^# TYPE ([a-z_]+) gauge$", metrics.text(waiting=0), re.MULTILINE)
    gauges.append("process_resident_memory_bytes")  # which only Linux tells

    assert every | {name: set() for name in gauges} == ROWS
