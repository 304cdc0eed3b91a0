"""Every way to say no, in a fresh interpreter: an event is neither stored nor sent.

The user has agreed to the package and has tokens, an earlier event waits, and the host is there and
would take it. Then no is said in one more way: nothing is written, and the host hears nothing.
"""

import gzip
import json
import os
import sys
import textwrap

import pytest

from otumat_usage import _optout

from .uploads._answers import EVENTS, accept

pytestmark = pytest.mark.service

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
    author="a", data_directory="d", package_name="Data_Joint", host="{host}")
{after}
agent.log(event_type="secret")
print(otumat_usage.refusal("data-joint"))
from otumat_usage.exceptions import RefusedError
try:
    print("sent:", agent.send().events)
except RefusedError as error:
    print("not sent:", error)
from otumat_usage import _upload
_upload.main()  # as the background job does
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
def _agreed(data, fake):
    """Let the user have agreed, and one event wait; returns the data folder."""
    from otumat_usage import UsageAgent, _answer, _schema, _tokens

    fake.routes[EVENTS] = accept
    home = str(data)
    agent = UsageAgent(author="a", data_directory="d", package_name="data-joint", host=fake.origin)
    agent.save_config()
    _tokens.save(home, "data-joint", fake.origin, _tokens.Tokens("at", "rt", 4e9, "s", "i"))
    _answer.say_yes(home, "data-joint", fake.origin, _schema.text_id(None), "test")
    assert agent.refusal() is None
    agent.log(event_type="earlier")
    agent.seal()
    return data


@pytest.fixture(name="run")
def _run(python, fake):
    """Run the program with a few more lines and variables in a fresh interpreter."""

    def run(before="", after="", **env):
        return python(PROGRAM.format(before=before, after=after, host=fake.origin), **env)

    return run


@pytest.fixture(name="is_silent")
def _is_silent(agreed, fake):
    """Check that nothing was stored or sent; return the reason that was given."""
    before = _contents(agreed)

    def check(done):
        why, sent = done.stdout.splitlines()
        assert why != "None"
        assert sent.startswith("not sent: ")
        assert done.stderr == ""
        assert fake.requests == []
        now = _contents(agreed)
        assert not any(b"secret" in content for content in now.values())
        # Whoever runs the uploader may leave its lock's file, never an event.
        assert {path for path in now if "spool" in path} <= set(before)
        return why

    return check


@pytest.fixture(name="is_recorded")
def _is_recorded(fake):
    """Check the opposite: both events went to the host."""

    def check(done):
        assert done.stdout.splitlines() == ["None", "sent: 2"]
        bodies = [body for _, path, body, _ in fake.requests if path == EVENTS]
        rows = [row[1] for body in bodies for row in json.loads(gzip.decompress(body))["rows"]]
        assert rows == ["earlier", "secret"]

    return check


def _contents(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("code", LISTS.values(), ids=LISTS)
def test_the_list_of_otumat_refuses(is_silent, run, code, when):
    assert "DISABLE_USAGE_TRACKING_PACKAGES" in is_silent(run(**{when: code}))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("code", CALLS.values(), ids=CALLS)
def test_disable_refuses(is_silent, run, code, when):
    assert "disable()" in is_silent(run(**{when: code}))


@pytest.mark.parametrize(("name", "value"), ENVIRONMENT)
def test_a_variable_of_the_environment_refuses(is_silent, run, name, value):
    assert name in is_silent(run(**{name: value}))


@pytest.mark.parametrize(("name", "value"), ENVIRONMENT[:10])
def test_a_variable_that_the_program_sets_refuses(is_silent, run, name, value):
    code = f"import os; os.environ[{name!r}] = {value!r}"

    assert name in is_silent(run(after=code))


@pytest.mark.parametrize(("name", "value"), NOT_SET)
@pytest.mark.usefixtures("agreed")
def test_a_variable_that_says_nothing_refuses_nothing(is_recorded, run, name, value):
    is_recorded(run(**{name: value}))


@pytest.mark.parametrize("code", ["", "otumat.DISABLE_USAGE_TRACKING_PACKAGES = ['numpy']"])
@pytest.mark.usefixtures("agreed")
def test_a_list_of_others_refuses_nothing(is_recorded, run, code):
    is_recorded(run(code))


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
def test_any_recorded_answer_but_this_yes_refuses(agreed, is_silent, run, fake, content):
    content = content.replace("https://x.example ", f"{fake.origin} ")
    agreed.joinpath("packages/data-joint/answer").write_bytes(content.encode("latin-1"))

    is_silent(run())


def test_a_no_to_all_packages_refuses(agreed, is_silent, run):
    agreed.joinpath("refused").touch()

    assert "all packages" in is_silent(run())


def test_an_answer_in_a_link_refuses(agreed, is_silent, run):
    answer = agreed / "packages/data-joint/answer"
    answer.rename(agreed / "elsewhere")
    answer.symlink_to(agreed / "elsewhere")

    is_silent(run())


def test_a_folder_that_others_can_write_refuses(agreed, is_silent, run):
    agreed.chmod(0o777)

    assert "not this user's own" in is_silent(run())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no sudo that keeps the home")
def test_a_home_of_somebody_else_refuses(agreed, is_silent, run):
    """As sudo does, which keeps HOME: the home has another owner than the process."""
    home = agreed.parents[2]
    env = {"XDG_DATA_HOME": str(agreed.parent)}
    if os.geteuid() == 0:
        os.chown(home, 12345, -1)
    else:
        env["HOME"] = "/"

    assert "not this user's own" in is_silent(run(**env))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps profiles apart itself")
def test_what_was_found_of_one_home_is_not_said_of_another(data, tmp_path):
    """What is looked at once a second is looked at for each home."""
    data.mkdir(parents=True)
    other = tmp_path / "other"
    other.mkdir()
    other.chmod(0o777)

    said = [_optout.overruled("p", str(home)) for home in (data, other, data)]

    assert said == [None, "the home is not this user's own", None]


def test_a_no_given_elsewhere_is_seen_before_the_next_event(agreed, python, fake):
    code = """
    import sys
    from otumat_usage import UsageAgent
    agent = UsageAgent(
        author="a", data_directory="d", package_name="data-joint", host=sys.argv[1])
    agent.log(event_type="first")
    import subprocess, sys
    main = "from otumat_usage.cli import main; main()"
    subprocess.run([sys.executable, "-c", main, "off", "data-joint"], check=True)
    agent.log(event_type="second")
    print(agent.refusal())
    """

    assert "the user said no" in python(code, fake.origin).stdout
    assert list(agreed.rglob("*.spool")) == []
    assert fake.requests == []


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
    author="a", data_directory="d", package_name="data-joint", host=sys.argv[3])
agent.log(event_type="main")
print(agent.refusal())
"""


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
@pytest.mark.parametrize("before", ["", "import otumat_usage._agent, otumat_usage._spool"])
def test_a_sub_interpreter_is_refused_and_the_main_one_is_not(agreed, python, fake, kind, before):
    code = """
    import os
    from otumat_usage import UsageAgent, refusal
    agent = UsageAgent(
        author="a", data_directory="d", package_name="data-joint", host="HOST")
    agent.log(event_type="guest")
    os.write(1, f"{agent.refusal()}; {refusal('data-joint')}\\n".encode())
    """
    code = textwrap.dedent(code).replace("HOST", fake.origin)
    done = python(GUEST.format(before=before), kind, code, fake.origin)

    why = "this is a sub-interpreter"
    assert (done.stdout, done.stderr) == (f"{why}; {why}\nNone\n", "")
    text = "".join(path.read_text() for path in sorted(agreed.rglob("*.spool")))
    events = [line.split("\t")[2] for line in text.splitlines() if line[:1] == "1"]
    assert events == ["earlier", "main"]
