"""Laws of what a user is told in words."""

import pytest

from otumat_usage.host._held import told_how

WAYS = [
    "browser", "browser-email", "browser-oidc", "device", "device-email", "device-oidc",
    "browser-0.3", "email-0.3", "oidc-0.3", "program",
]  # fmt: skip


@pytest.mark.parametrize("how", WAYS)
def test_how_consent_was_given_is_told_in_words(how):
    told = told_how(how)

    assert told != how
    assert " " in told
    assert told.count("browser") <= 1
    assert ("mailed" in told) == ("email" in how)
    assert ("signed in" in told) == ("oidc" in how)
    assert ("code" in told) == ("device" in how)
    assert ("0.3" in told) == ("0.3" in how)


def test_a_way_that_a_later_version_noted_is_told_as_it_stands():
    assert told_how("pigeon") == "pigeon"
