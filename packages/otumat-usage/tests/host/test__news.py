"""Laws of the news: a version that is one, one line that is one, in every answer to an upload."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from otumat_usage.host import _news, _packages
from otumat_usage.host._database import Database
from otumat_usage.host._errors import PackageInvalid
from otumat_usage.host.cli import host_group


def tell(service, *news):
    with service.host.database.write() as connection:
        _packages.news(connection, "demo", *news)
    service.host.bearers.clear()


@pytest.mark.parametrize(
    "version",
    ["1", "1.2.3", "1!2.0", "1.0a1", "1.0-rc.1", "1.0.post2", "1.0-1", "v2.0.dev3", "1.0+local.7"],
)
def test_versions_are_those_of_pep_440(version):
    assert _news.checked(f" {version} ", "") == (version, None)


@pytest.mark.parametrize(
    "version", ["latest", "1.2.x", "1..2", "1.0\n", "1.0 beta 2 x", "1.0+", "\u0661.\u0662", "<b>"]
)
def test_what_is_no_version_is_refused(version):
    with pytest.raises(PackageInvalid, match="PEP 440"):
        _news.checked(f"{version}.", None)


@given(st.text())
def test_a_notice_is_one_printable_line_or_refused(text):
    try:
        _, notice = _news.checked(None, text)
    except PackageInvalid:
        assert len(text.strip()) > 200 or not text.strip().isprintable()
    else:
        assert notice is None or (0 < len(notice) <= 200 and notice.isprintable())


def test_every_answer_to_an_upload_carries_what_was_set_and_null_before(service):
    tokens = service.enrol()
    batch = service.batch(tokens, "plot")

    first = service.upload(tokens, batch).json()
    tell(service, "2.0", "Please <upgrade>.")
    again = service.upload(tokens, batch).json()
    other = service.upload(tokens, service.batch(tokens, "plot")).json()

    assert (first["latest_version"], first["notice"]) == (None, None)
    for answer in (again, other):
        assert (answer["latest_version"], answer["notice"]) == ("2.0", "Please <upgrade>.")
    assert again["duplicate"]


def test_the_command_shows_changes_and_clears(tmp_path):
    folder = tmp_path / "host"

    def run(*arguments, code=0):
        done = CliRunner().invoke(host_group, [*arguments, "-d", str(folder)])
        assert done.exit_code == code, done.output
        return done.output

    def kept():
        database = Database.open(folder)
        with database.read() as connection:
            package = _packages.find(connection, "mypackage")
        database.close()
        return package.latest, package.notice

    run("add-package", "mypackage")
    assert run("news", "mypackage") == "latest version: not told\nnotice:         none\n"
    run("news", "mypackage", "--notice", "Hello.")
    assert "2.1" in run("news", "MyPackage", "--latest", "2.1")
    assert kept() == ("2.1", "Hello.")
    assert "is no version" in run("news", "mypackage", "--latest", "new", code=2)
    assert "at most 200" in run("news", "mypackage", "--notice", "a\x1b[2Jb", code=2)
    assert "leave out" in run("news", "mypackage", "--clear", "--latest", "1", code=2)
    assert kept() == ("2.1", "Hello.")
    run("news", "mypackage", "--clear")
    assert kept() == (None, None)
