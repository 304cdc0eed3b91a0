"""Laws of what waits to be reported."""

from otumat_watch._pending import Pending


def test_a_complete_change_is_due_at_once_and_only_once():
    pending = Pending(0.5)
    pending.complete("a")

    assert pending.take(0.0) == ["a"]
    assert pending.take(9.0) == []


def test_an_unsettled_change_is_due_after_the_quiet_and_each_write_renews_it():
    pending = Pending(0.5)
    pending.unsettled("a", 1.0)
    pending.unsettled("a", 1.4)

    assert pending.deadline() == 1.9
    assert pending.take(1.8) == []
    assert pending.take(1.9) == ["a"]
    assert pending.deadline() is None


def test_a_completion_overrides_the_waiting():
    pending = Pending(0.5)
    pending.unsettled("a", 1.0)
    pending.complete("a")

    assert "a" in pending
    assert pending.paths() == {"a"}
    assert pending.take(1.0) == ["a"]


def test_paths_are_due_in_the_order_they_changed():
    pending = Pending(0.5)
    for path in ("b", "a", "c"):
        pending.complete(path)

    assert pending.take(0.0) == ["b", "a", "c"]
