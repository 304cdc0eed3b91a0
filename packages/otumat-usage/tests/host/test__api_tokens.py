"""Laws of personal tokens: shown once, kept as a hash, known by a name, made within limits."""

import json

import pytest
from click.testing import CliRunner

from otumat_usage.host import _api_tokens
from otumat_usage.host._database import api_tokens, select
from otumat_usage.host._errors import PackageUnknown, TokenInvalid, TokenUnknown
from otumat_usage.host.cli import host_group


@pytest.fixture(name="connection")
def _connection(service):
    with service.host.database.write() as connection:
        yield connection


@pytest.fixture(name="run")
def _run(service):
    folder = service.host.database.path.parent

    def run(*args, code=0):
        done = CliRunner().invoke(host_group, ["token", *args, "-d", str(folder)])
        assert done.exit_code == code, done.output
        return done

    return run


def test_only_a_hash_of_it_is_kept(connection):
    secret = _api_tokens.add(connection, "ci", 0)

    (row,) = connection.execute(select(api_tokens))
    assert not any(secret in str(value) for value in row)
    assert secret.startswith("otu_pt_")
    assert _api_tokens.is_personal(secret)
    assert _api_tokens.look_up(connection, secret).name == "ci"


def test_a_slip_in_any_place_is_noticed_without_the_store(connection):
    secret = _api_tokens.add(connection, "ci", 0)

    for place in range(len(secret)):
        other = "A" if secret[place] != "A" else "B"
        assert not _api_tokens.is_personal(secret[:place] + other + secret[place + 1 :])


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("", {}, TokenInvalid, "1 to 64 printable"),
        ("x" * 65, {}, TokenInvalid, "1 to 64 printable"),
        ("a\nb", {}, TokenInvalid, "1 to 64 printable"),
        (" a", {}, TokenInvalid, "1 to 64 printable"),
        ("taken", {}, TokenInvalid, "there is a token 'taken'"),
        ("ci", {"scope": "root"}, TokenInvalid, "no scope: read, admin"),
        ("ci", {"days": 0}, TokenInvalid, "1 to 3650 days"),
        ("ci", {"days": 3651}, TokenInvalid, "1 to 3650 days"),
        ("ci", {"packages": ["demo", "nothing"]}, PackageUnknown, "nothing"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_kept(connection, name, options, error, said):
    _api_tokens.add(connection, "taken", 0)

    with pytest.raises(error, match=said):
        _api_tokens.add(connection, name, 0, **options)

    assert [token.name for token in _api_tokens.every(connection)] == ["taken"]


def test_a_revoked_one_is_gone_and_its_name_is_free(connection):
    old = _api_tokens.add(connection, "ci", 0)
    _api_tokens.revoke(connection, "ci")
    new = _api_tokens.add(connection, "ci", 0)

    assert _api_tokens.look_up(connection, old) is None
    assert _api_tokens.look_up(connection, new) is not None
    with pytest.raises(TokenUnknown, match="host token list"):
        _api_tokens.revoke(connection, "other")


def test_the_commands_make_list_and_revoke(service, run):
    made = run("add", "ci", "--package", "Demo", "--days", "30")
    run("add", "site", "--scope", "admin")
    secret = made.stdout.strip()
    answer = service.browser.get("/api/stats/demo", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200

    first, second = json.loads(run("list", "--json").stdout)
    assert (first["name"], first["scope"], first["packages"]) == ("ci", "read", ["demo"])
    assert (first["last_used"], second["last_used"]) == ("2026-06-01", None)
    assert (second["scope"], second["packages"], second["expires"]) == ("admin", None, None)
    lines = run("list").stdout.splitlines()
    assert lines[1] == "site: admin, all packages, until revoked, never used"
    assert secret not in run("list", "--json").output
    assert run("revoke", "ci").stdout == "revoked: ci\n"
    assert [each["name"] for each in json.loads(run("list", "--json").stdout)] == ["site"]


def test_the_secret_alone_is_on_stdout(run):
    made = run("add", "ci")

    assert _api_tokens.is_personal(made.stdout.removesuffix("\n"))
    assert "cannot be shown again" in made.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["revoke", "nothing"], "no token 'nothing'"),
        (["add", "ci", "--package", "nothing"], "nothing"),
        (["add", ""], "printable"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_code_two(run, args, said):
    done = run(*args, code=2)

    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
