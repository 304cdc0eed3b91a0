"""Laws of remembered answers: only of what is unchanged, of one store, and not for ever."""

import pytest

from otumat_usage.host import _remembered
from otumat_usage.host._answers import Answers


class Asked:
    """What counts how often it had to work."""

    def __init__(self, connection, revision):
        self.connection = connection
        self.revision = revision
        self.worked = 0

    @_remembered.remembered
    def answer(self, number, *, more=0):
        self.worked += 1
        return number + more


@pytest.fixture
def ask(service):
    """Ask the store, as of a revision, again and again; return how often work was done."""

    def ask(revision, *numbers):
        with service.host.database.read() as connection:
            asked = Asked(connection, revision)
            found = [asked.answer(number, more=1) for number in numbers]
        assert found == [number + 1 for number in numbers]
        return asked.worked

    return ask


def test_an_answer_is_worked_out_once_per_revision(ask):
    assert ask(1, 5, 5, 6) == 2
    assert ask(1, 5, 6) == 0
    assert ask(2, 5, 5) == 1


def test_nothing_is_remembered_while_uploads_wait(ask):
    assert ask(None, 5, 5, 5) == 3


def test_the_oldest_answers_are_forgotten(ask):
    assert ask(1, *range(1000)) == 1000

    assert ask(1, 999, 0) == 1


def test_what_was_asked_is_right_after_every_upload(service):
    package = service.add("counted")
    tokens = service.enrol("counted")

    for number in range(1, 4):
        service.upload(tokens, service.batch(tokens, "plot"))
        for fold in (False, True):
            with service.host.database.beside() as connection:
                if fold:
                    from otumat_usage.host import _rollups

                    _rollups.fold(connection, 100)
            for _ in range(2):
                with service.host.database.read() as connection:
                    answers = Answers(connection, package, service.clock())
                    assert answers.total(answers.today, answers.today).events == number
