"""What the tests of uploads begin with: an agent that has something to send."""

import pytest


@pytest.fixture(name="agent")
def _agent(enrolled):
    """An agent that may record and send to the fake host, with two events on disk."""
    enrolled.log(event_type="one")
    enrolled.log(event_type="two")
    return enrolled
