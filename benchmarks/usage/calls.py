"""What one call costs, while the host is down."""

# Prints tables and runs programs.
# ruff: noqa: ANN001, ANN201
import json
import statistics

from contenders import filled
from home import table

OURS = """
import json, os, sys, time
import otumat_usage
clock = time.perf_counter_ns
def measure(call, number=20000):
    spent = []
    for _ in range(number):
        begun = clock(); call(); spent.append(clock() - begun)
    spent.sort()
    return [spent[number // 2] / 1e3, spent[number * 99 // 100] / 1e3, spent[-1] / 1e3]
def agent(name):
    return otumat_usage.UsageAgent(author="a", data_directory="d", package_name=name, host="@host@")
yes, unasked, off = agent("p"), agent("q"), agent("off")
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
line = b"x" * 119 + b"\\n"
rounds = []
for _ in range(5):
    rounds.append({
        "write(2), 120 bytes": measure(lambda: os.write(fd, line)),
        "log()": measure(lambda: yes.log(event_type="import")),
        "log(), not asked": measure(lambda: unasked.log(event_type="import")),
    })
otumat_usage.disable("off")
for one in rounds:
    one["log(), disable()"] = measure(lambda: off.log(event_type="import"))
print(json.dumps(rounds))
"""
PEER = """
import time
{setup}
spent = []
for number in range({calls}):
    name = f"evt-0-0-{number}"
    begun = time.perf_counter_ns()
    {call}
    spent.append(time.perf_counter_ns() - begun)
spent.sort()
import os
os.write(1, f"[{spent[len(spent) // 2] / 1e3}, {spent[len(spent) * 99 // 100] / 1e3},"
            f" {spent[-1] / 1e3}]".encode())
os._exit(0)
"""


def run(bench, contenders):
    rounds = json.loads(bench.run(OURS, str(bench.folder / "floor")))
    found = {
        name: [statistics.median(one[name][i] for one in rounds) for i in range(3)]
        for name in rounds[0]
    }
    for one in contenders[1:]:
        code = filled(PEER, one, calls=one.calls)
        found[f"{one.name} ({one.calls} calls)"] = json.loads(bench.run(code, python=one.python))
    floor = found["write(2), 120 bytes"]
    rows = [
        (name, *(f"{v:.1f}" for v in values), f"{values[0] / floor[0]:.1f}",
         f"{values[1] / floor[1]:.1f}")
        for name, values in found.items()
    ]  # fmt: skip
    header = ("", "p50 us", "p99 us", "max us", "p50 x", "p99 x")
    table("One call while the host is down; ours with the whole 'may we?'", header, rows)
