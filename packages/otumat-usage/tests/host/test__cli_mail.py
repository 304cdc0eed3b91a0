"""Laws of the commands about mails: they say who gets what, change it, and show a preview."""

import pytest
from click.testing import CliRunner

from otumat_usage.host import _packages, _postman, _subscriptions
from otumat_usage.host.cli import host_group


@pytest.fixture(name="run")
def _run(service):
    folder = str(service.host.database.path.parent)

    def run(*arguments, code=0):
        done = CliRunner().invoke(host_group, [*arguments, "-d", folder])
        assert code in (None, done.exit_code), done.output
        return done.output

    return run


def test_a_report_goes_each_week_or_each_month_and_ends(service, run):
    service.mail_by(25)
    to = ["--to", "me@example.org"]

    assert run("mail-report", "demo") == "demo: nobody gets reports\n"
    assert run("mail-report", "demo", *to) == "demo: reports to me@example.org, every week\n"
    run("alerts", "demo", *to)
    monthly = run("mail-report", "demo", *to, "--every", "month")
    assert monthly == "demo: reports to me@example.org, every month\n"
    assert run("mail-report", "demo", *to, "--off") == "demo: nobody gets reports\n"
    assert run("alerts", "demo") == "demo: alerts to me@example.org\n"
    assert run("alerts", "demo", *to, "--off") == "demo: nobody gets alerts\n"


def test_the_preview_is_what_would_be_sent(service, run):
    tokens = service.enrol()
    service.upload(tokens, service.batch(tokens, "plot"))

    report = run("mail-report", "demo", "--preview", "--every", "month")
    alerts = run("alerts", "demo", "--preview")

    assert report.startswith("Subject: demo: ")
    assert "Features, by users" in report
    assert [line.split(":")[0] for line in alerts.splitlines()] == [
        "ok    silence", "ok    events", "ok    installs", "ok    errors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mail-report", "demo", "--to", "me@example.org"], "host sign-in email"),
        (["alerts", "demo", "--to", "nobody"], "no mail address"),
        (["alerts", "other"], "no package 'other'"),
        (["alerts", "demo", "--off"], "needs the address"),
        (["alerts", "demo", "--preview", "--to", "me@example.org"], "leave out --to"),
    ],
)
def test_what_cannot_be_is_one_line_and_code_two(run, arguments, said):
    output = run(*arguments, code=2)

    assert said in output
    assert output.count("\n") == 1


@pytest.mark.interop
def test_the_doctor_tells_of_mails_that_wait(service, run, mails):
    service.mail_by(mails.port)
    with service.host.database.write() as connection:
        package = _packages.find(connection, "demo").id
        _subscriptions.subscribe(connection, package, "me@example.org", "week", 0)
    mails.refuses = True
    assert "mails to maintainers" not in run("doctor", code=None)
    service.clock.forward(days=1)  # to a Tuesday, when reports go out
    for _ in range(2):
        _postman.deliver(service.host.database, "https://usage.example.org", service.clock)
        service.clock.forward(days=0.5)

    assert "BAD  mails to maintainers: 1 wait" in run("doctor", code=1)
