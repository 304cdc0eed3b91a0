"""Laws of the commands that count anew and let go, asked of a folder whose host serves or not."""

import pytest
from click.testing import CliRunner

from otumat_usage.host._database import delete, rollups, select, update, weeks
from otumat_usage.host.cli import host_group

pytestmark = pytest.mark.usefixtures("used")


@pytest.fixture
def run(service):
    folder = service.host.database.path.parent

    def run(*words):
        done = CliRunner().invoke(host_group, [*words, "-d", str(folder)])
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def used(service):
    """Two packages, three users, some weeks."""
    service.add("other")
    users = [service.enrol(), service.enrol(), service.enrol("other")]
    for _ in range(5):
        users = [service.refresh(tokens["refresh_token"]).json() for tokens in users]
        for place, tokens in enumerate(users):
            body = service.batch(tokens, *["plot", "fit", "save"][: place + 1])
            assert service.upload(tokens, body).status_code == 200
        service.clock.forward(days=9)


def counted(service):
    with service.host.database.read() as connection:
        return [
            sorted(map(tuple, connection.execute(select(table)).all()))
            for table in (rollups, weeks)
        ]


def test_one_command_makes_every_statistic_anew_as_it_was(service, run):
    assert run("rollup") == "counted 15 uploads\n"
    before = counted(service)
    with service.host.database.write() as connection:
        connection.execute(update(rollups).values(events=rollups.c.events + 1))
        connection.execute(delete(weeks))
    assert counted(service) != before

    assert run("rollup", "--rebuild") == "counted 15 uploads\n"

    assert counted(service) == before
    assert all(before)
    assert run("rollup") == "counted 0 uploads\n"


def test_a_policy_is_shown_kept_and_applied_on_demand(run):
    run("rollup")
    first = run("retention")
    changed = run("retention", "--log-days", "200")

    assert first == "single uploads: 400 days\nwho was active when: 760 days\n"
    assert changed == first.replace("400", "200") == run("retention")
    assert "let go: " in run("retention", "--apply")
