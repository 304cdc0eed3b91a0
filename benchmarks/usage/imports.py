"""What the import costs, and the first event in a fresh process."""

# Prints tables and runs programs.
# ruff: noqa: ANN001, ANN201, ANN202
import statistics

from contenders import AGENT, OURS
from home import table

# A package that embeds us has been imported when its agent is made, and has a version.
TIMED = """
import sys, time, types
for name in ("p", "q", "no", "e"):
    sys.modules[name] = types.ModuleType(name); sys.modules[name].__version__ = "1"
name = "evt-0-0-0"
begun = time.perf_counter_ns()
{code}
spent = time.perf_counter_ns() - begun
import os; os.write(1, str(spent).encode()); os._exit(0)
"""


def run(bench, contenders, rounds):
    def ours(package):
        return AGENT.replace('"p"', f'"{package}"') + "agent.log(event_type=name)"

    events = "{'evt-0-0-0': {}, 'read': {'rows': int, 'format': str}}"
    declared = ours("e").replace('host="@host@"', f'host="@host@", events={events}')
    cases = {
        "import sqlite3": ("import sqlite3", {}, OURS.python),
        "agent, not asked": (ours("q"), {}, OURS.python),
        "agent, a recorded no": (ours("no"), {}, OURS.python),
        "agent, DO_NOT_TRACK=1": (ours("p"), {"DO_NOT_TRACK": "1"}, OURS.python),
        "agent + first event, agreed": (ours("p"), {}, OURS.python),
        "the same, events declared": (declared, {}, OURS.python),
    }
    for one in contenders[1:]:
        cases[f"{one.name}, import"] = (one.load, {}, one.python)
        cases[f"{one.name}, first event"] = (f"{one.setup}\n{one.call}", {}, one.python)
        if "0.3" in one.name:
            refused = one.setup.replace("data_directory='d'", "data_directory='no'")
            cases[f"{one.name}, a recorded no"] = (refused, {}, one.python)
    bench.run("from otumat_usage import _answer, _home\n_answer.say_no(_home.folder(), 'no', 'b')")
    bench.run(
        "from otumat_usage import _answer, _home, _schema\n_answer.say_yes(_home.folder(), 'e',"
        f" '@host@', _schema.text_id({events}), 'b')"
    )
    spent = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, (code, env, python) in cases.items():
            # A peer of a quarter of a second needs no eleven rounds.
            if number > 5 and statistics.median(spent[name]) > 100:
                continue
            taken = int(bench.run(TIMED.replace("{code}", code), python=python, **env)) / 1e6
            if number:  # the first round only warms the files
                spent[name].append(taken)
    floor = spent["import sqlite3"]
    rows = [
        (name, f"{min(s):.2f}", f"{statistics.median(s):.2f}", f"{min(s) / min(floor):.2f}",
         f"{statistics.median(s) / statistics.median(floor):.2f}")
        for name, s in spent.items()
    ]  # fmt: skip
    header = ("", "ms, best", "ms, median", "x import sqlite3, best", "median")
    table("Import, in a fresh interpreter (host down)", header, rows)
