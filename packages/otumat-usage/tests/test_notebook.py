"""A real notebook: a real ipykernel, run by nbclient and asked by jupyter_client."""

import json
import os

import pytest

pytestmark = pytest.mark.service

# In processes of their own: once loaded, ipykernel would make a notebook of the test itself.
RUN = """
import json, os, sys
os.environ.pop("PYTEST_CURRENT_TEST", None)
import nbclient, nbformat.v4 as v4
notebook = v4.new_notebook(cells=[v4.new_code_cell(code) for code in json.loads(sys.argv[1])])
# allow_stdin is off here: an input() would fail its cell, and so the run.
nbclient.NotebookClient(notebook, timeout=60).execute()
print(json.dumps([cell.outputs for cell in notebook.cells]))
"""
ASK = """
import json, os, sys
os.environ.pop("PYTEST_CURRENT_TEST", None)
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
prompts, said = [], []
def reply(message):
    prompts.append(message["content"]["prompt"])
    client.input(sys.argv[2])
def hear(message):
    content = message["content"]
    said.append(content.get("text") or content.get("data", {}).get("text/plain", ""))
try:
    for code in json.loads(sys.argv[1]):
        answer = client.execute_interactive(
            code, allow_stdin=True, stdin_hook=reply, output_hook=hear, timeout=60)
        assert answer["content"]["status"] == "ok", answer["content"]
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps([prompts, [text for text in said if text]]))
"""
WHY = "tracked.usage_agent.refusal()"


def _answer(data):
    return data.joinpath("packages/tracked/answer").read_text().splitlines()[1:]


def test_an_import_shows_one_line_and_waits_for_nothing(package, python, data):
    package()
    for count in (1, 2, 3):
        done = python(RUN, json.dumps(["import tracked", WHY]))
        (shown,), (why,) = json.loads(done.stdout)

        assert (shown["output_type"], shown["name"]) == ("stream", "stderr")
        assert shown["text"].count("\n") == 1
        assert 'otumat_usage.consent("tracked")' in shown["text"]
        assert why["data"]["text/plain"] == "'not asked yet'"
        assert _answer(data) == [f"unanswered {count}"]
        assert not list(data.rglob("*.spool"))

    done = python(RUN, json.dumps(["import tracked", WHY]))
    assert json.loads(done.stdout)[0] == []
    assert _answer(data) == ["unanswered 3"]


def test_notebooks_that_a_test_or_a_ci_runs_are_told_nothing(package, python, data):
    package()
    kept = RUN.replace('os.environ.pop("PYTEST_CURRENT_TEST", None)', "pass")
    assert os.environ.get("PYTEST_CURRENT_TEST")

    for code, env in ((kept, {}), (RUN, {"CI": "true"}), (RUN, {"READTHEDOCS": "True"})):
        done = python(code, json.dumps(["import tracked"]), **env)
        assert json.loads(done.stdout) == [[]]
    assert not data.exists()


def test_a_front_end_without_input_gets_no_answer_and_no_error(package, python, data):
    package()
    code = ["import tracked, otumat_usage; otumat_usage.consent('tracked')"]
    ((*_, result),) = json.loads(python(RUN, json.dumps(code)).stdout)

    assert result["data"]["text/plain"] == "False"
    assert _answer(data) == ["unanswered 2"]


def test_consent_puts_the_question_in_the_notebook(package, python, data):
    package("https://usage.example.org")
    code = ["import tracked, otumat_usage", "otumat_usage.consent('tracked')", WHY]
    prompts, said = json.loads(python(ASK, json.dumps(code), "n").stdout)

    (prompt,) = prompts
    assert "https://usage.example.org" in prompt
    assert prompt.endswith("[y/N] ")
    assert "False" in said
    assert said[-1].startswith("'the user said no (notebook, ")
    assert _answer(data)[0].startswith("no ")


def test_a_yes_in_the_notebook_leads_through_the_page_to_events(
    package, python, data, host, browser
):
    package(host.origin)
    code = [
        "import tracked, otumat_usage", "otumat_usage.consent('tracked')",
        "tracked.usage_agent.log(event_type='cell')", WHY,
    ]  # fmt: skip
    prompts, said = json.loads(python(ASK, json.dumps(code), "y", BROWSER=browser("yes")).stdout)

    assert len(prompts) == 1
    assert "True" in said
    assert _answer(data)[0].startswith(f"yes {host.origin} ")
    (spool,) = data.rglob("*.spool")
    assert spool.read_text().splitlines()[1].endswith("\tcell")
