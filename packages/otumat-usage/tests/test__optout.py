"""Every way to say no, in a fresh interpreter: the event is neither stored nor sent."""

import os
import sys
import textwrap

import pytest

pytestmark = pytest.mark.service

# Each test lets the user have agreed to the package p, then says no in one more way.
# The package otumat is stood in for by a module of that name: only sys.modules is looked at.
PROGRAM = """
import sys, types
otumat = types.ModuleType("otumat")
otumat.DISABLE_USAGE_TRACKING_PACKAGES = []
sys.modules["otumat"] = otumat
import otumat_usage
{before}
from otumat_usage import UsageAgent
agent = UsageAgent(
    author="a", data_directory="d", package_name="Data_Joint", host="https://x.example")
{after}
agent.log(event_type="secret")
print(otumat_usage.refusal("data-joint"))
from otumat_usage.exceptions import RefusedError
try:
    agent.send()
except RefusedError as error:
    print("not sent:", error)
"""

LISTS = {
    "mutated": "otumat.DISABLE_USAGE_TRACKING_PACKAGES.append('Data_Joint')",
    "rebound": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = ['data-joint']",
    "as in 0.3": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = "
    "['DATA.JOINT'] + otumat.DISABLE_USAGE_TRACKING_PACKAGES",
    "a tuple": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = ('other', 'data__joint')",
    "a set": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = {'data-joint'}",
    "everything": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = ['*']",
    "a bare string": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = 'data-joint'",
    "a bare other string": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = 'numpy'",
    "an empty string": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = ''",
    "None": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = None",
    "a number": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = 0",
    "a list of numbers": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = [1]",
    "a list with no name": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = ['/']",
    "a generator": "otumat.DISABLE_USAGE_TRACKING_PACKAGES = (n for n in ['x'])",
    "removed": "del otumat.DISABLE_USAGE_TRACKING_PACKAGES",
}
CALLS = {
    "disable(name)": "otumat_usage.disable('data.joint')",
    "disable(names)": "otumat_usage.disable('x', 'Data-Joint')",
    "disable()": "otumat_usage.disable()",
    "disable(*)": "otumat_usage.disable('*')",
    "disable(no name)": "otumat_usage.disable('')",
}
ENVIRONMENT = [
    *[("OTUMAT_USAGE", value) for value in ("off", "OFF", "0", "false", "no", "never", "maybe")],
    *[("DO_NOT_TRACK", value) for value in ("1", "true", "TRUE", "yes", "t", "on", "2", "please")],
    *[(name, "true") for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "JENKINS_URL", "BUILDKITE")],
    ("CI", "1"),
]
NOT_SET = [
    *[("DO_NOT_TRACK", value) for value in ("", "0", "false", "False", "no", " NO ")],
    *[("OTUMAT_USAGE", value) for value in ("", "on", "1", "yes")],
    *[("CI", value) for value in ("", "0", "false")],
]


@pytest.fixture(name="agreed")
def _agreed(data):
    from otumat_usage import _answer, _schema

    _answer.say_yes(str(data), "data-joint", "https://x.example", _schema.text_id(None), "test")
    return data


def _is_silent(data, done):
    why, sent = done.stdout.splitlines()
    assert why != "None"
    assert sent.startswith("not sent: ")
    assert done.stderr == ""
    assert list(data.rglob("*.spool")) == []
    return why


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("code", LISTS.values(), ids=LISTS)
def test_the_list_of_otumat_refuses(agreed, python, code, when):
    done = python(PROGRAM.format(**{"before": "", "after": "", when: code}))

    assert "DISABLE_USAGE_TRACKING_PACKAGES" in _is_silent(agreed, done)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("code", CALLS.values(), ids=CALLS)
def test_disable_refuses(agreed, python, code, when):
    done = python(PROGRAM.format(**{"before": "", "after": "", when: code}))

    assert "disable()" in _is_silent(agreed, done)


@pytest.mark.parametrize(("name", "value"), ENVIRONMENT)
def test_a_variable_of_the_environment_refuses(agreed, python, name, value):
    done = python(PROGRAM.format(before="", after=""), **{name: value})

    assert name in _is_silent(agreed, done)


@pytest.mark.parametrize(("name", "value"), ENVIRONMENT[:10])
def test_a_variable_that_the_program_sets_refuses(agreed, python, name, value):
    code = f"import os; os.environ[{name!r}] = {value!r}"
    done = python(PROGRAM.format(before="", after=code))

    assert name in _is_silent(agreed, done)


@pytest.mark.parametrize(("name", "value"), NOT_SET)
def test_a_variable_that_says_nothing_refuses_nothing(agreed, python, name, value):
    done = python(PROGRAM.format(before="", after=""), **{name: value})

    assert done.stdout.splitlines()[0] == "None"
    assert len(list(agreed.rglob("*.spool"))) == 1


@pytest.mark.parametrize("code", ["", "otumat.DISABLE_USAGE_TRACKING_PACKAGES = ['numpy']"])
def test_a_list_of_others_refuses_nothing(agreed, python, code):
    done = python(PROGRAM.format(before=code, after=""))

    assert done.stdout.splitlines()[0] == "None"
    assert len(list(agreed.rglob("*.spool"))) == 1


@pytest.mark.parametrize(
    "content",
    [
        "otumat-usage answer 1\nno 1763830862 terminal\n",
        "otumat-usage answer 1\nyes https://x.example 1.any 1763830862 t\nno 1763830862 t\n",
        "otumat-usage answer 1\nyes https://other.example 1.any 1763830862 t\n",
        "otumat-usage answer 1\nyes https://x.example:8443 1.any 1763830862 t\n",
        "otumat-usage answer 1\nyes https://x.example 0.any 1763830862 t\n",
        "otumat-usage answer 1\nyes https://x.example 1.9f3c2a10 1763830862 t\n",
        "otumat-usage answer 1\nunanswered 2\n",
        "otumat-usage answer 2\nyes https://x.example 1.any 1763830862 t\n",
        "otumat-usage answer 1\nyes https://x.example 1.any soon t\n",
        "otumat-usage answer 1\nmaybe https://x.example 1.any 1763830862 t\n",
        "otumat-usage answer 1\nyes https://x.example\n",
        "\x00\xff",
        "",
    ],
)
def test_any_recorded_answer_but_this_yes_refuses(agreed, python, content):
    agreed.joinpath("packages/data-joint/answer").write_bytes(content.encode("latin-1"))

    _is_silent(agreed, python(PROGRAM.format(before="", after="")))


def test_a_no_to_all_packages_refuses(agreed, python):
    agreed.joinpath("refused").touch()

    assert "all packages" in _is_silent(agreed, python(PROGRAM.format(before="", after="")))


def test_an_answer_in_a_link_refuses(agreed, python):
    answer = agreed / "packages/data-joint/answer"
    answer.rename(agreed / "elsewhere")
    answer.symlink_to(agreed / "elsewhere")

    _is_silent(agreed, python(PROGRAM.format(before="", after="")))


def test_a_folder_that_others_can_write_refuses(agreed, python):
    agreed.chmod(0o777)

    assert "not this user's own" in _is_silent(agreed, python(PROGRAM.format(before="", after="")))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no sudo that keeps the home")
def test_a_home_of_somebody_else_refuses(agreed, python):
    """As sudo does, which keeps HOME: the home has another owner than the process."""
    home = agreed.parents[2]
    env = {"XDG_DATA_HOME": str(agreed.parent)}
    if os.geteuid() == 0:
        os.chown(home, 12345, -1)
    else:
        env["HOME"] = "/"

    done = python(PROGRAM.format(before="", after=""), **env)
    assert "not this user's own" in _is_silent(agreed, done)


def test_a_no_given_elsewhere_is_seen_before_the_next_event(agreed, python):
    code = """
    from otumat_usage import UsageAgent
    agent = UsageAgent(
        author="a", data_directory="d", package_name="data-joint", host="https://x.example")
    agent.log(event_type="first")
    import subprocess, sys
    main = "from otumat_usage.cli import main; main()"
    subprocess.run([sys.executable, "-c", main, "off", "data-joint"], check=True)
    agent.log(event_type="second")
    print(agent.refusal())
    """

    assert "the user said no" in python(code).stdout
    assert list(agreed.rglob("*.spool")) == []


GUEST = """
import sys
try:
    import _interpreters as interpreters  # Python 3.13
    guest = interpreters.create(sys.argv[1])
except ImportError:
    import _xxsubinterpreters as interpreters
    guest = interpreters.create(isolated=sys.argv[1] == "isolated")
{before}
failed = interpreters.run_string(guest, sys.argv[2])
if failed:
    raise SystemExit(str(failed))
interpreters.destroy(guest)
from otumat_usage import UsageAgent
agent = UsageAgent(
    author="a", data_directory="d", package_name="data-joint", host="https://x.example")
agent.log(event_type="main")
print(agent.refusal())
"""


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
@pytest.mark.parametrize("before", ["", "import otumat_usage._agent, otumat_usage._spool"])
def test_a_sub_interpreter_is_refused_and_the_main_one_is_not(agreed, python, kind, before):
    code = """
    import os
    from otumat_usage import UsageAgent, refusal
    agent = UsageAgent(
        author="a", data_directory="d", package_name="data-joint", host="https://x.example")
    agent.log(event_type="guest")
    os.write(1, f"{agent.refusal()}; {refusal('data-joint')}\\n".encode())
    """
    done = python(GUEST.format(before=before), kind, textwrap.dedent(code))

    why = "this is a sub-interpreter"
    assert (done.stdout, done.stderr) == (f"{why}; {why}\nNone\n", "")
    (spool,) = agreed.rglob("*.spool")
    assert [line.split("\t")[2] for line in spool.read_text().splitlines()[1:]] == ["main"]
