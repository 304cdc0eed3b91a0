"""Laws of counting attempts: per asker, in bounded memory, and no address is kept."""

import httpx
import pytest

from otumat_usage.host._limits import Limit, network_of
from otumat_usage.host._secrets import install_of, mint


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("2001:db8:1:200::1", "2001:db8:1:2ff:ffff::9"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_one_asker_has_many_addresses(address, same):
    assert network_of(address) == network_of(same)


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("203.0.113.7", "203.0.113.8"),
        ("2001:db8:1:2ff::1", "2001:db8:1:300::1"),
        ("", "203.0.113.7"),
        ("unknown", "_hidden"),
    ],
)
def test_others_are_counted_by_themselves(address, other):
    assert network_of(address) != network_of(other)


def test_changing_the_address_within_a_network_gives_no_more_guesses(service):
    def guess(address):
        transport = httpx.ASGITransport(service.app, client=(address, 40_000))

        async def ask():
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8080"
            ) as client:
                return await client.get("/device", params={"user_code": "BBBB-BBBB"})

        return service.browser._loop.run(ask()).status_code

    near = [guess(f"2001:db8:1:2{n:02x}::{n + 1:x}") for n in range(6)]
    far = guess("2001:db8:1:300::1")

    assert near == [404] * 5 + [429]
    assert far == 404


def test_an_install_may_upload_so_much_in_a_day_and_others_are_not_its_business(service):
    """Else one that says yes could fill the disk; what it keeps it sends tomorrow."""
    tokens, other = service.enrol(), service.enrol()
    large = service.batch(tokens, "a", unknown="x" * (4 << 20))
    answers = [
        service.upload(tokens, large | {"batch": f"b-{number}", "run": f"r-{number}"})
        for number in range(16)
    ]
    refused = service.upload(tokens, service.batch(tokens, "a"))
    others = service.upload(other, service.batch(other, "a"))
    service.clock.forward(days=0.75)
    tokens = service.refresh(tokens["refresh_token"]).json()
    still = service.upload(tokens, service.batch(tokens, "a"))
    service.clock.forward(days=0.25)
    tokens = service.refresh(tokens["refresh_token"]).json()
    later = service.upload(tokens, service.batch(tokens, "a"))

    assert {answer.status_code for answer in answers} == {200}
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "86400")
    assert refused.json()["type"] == "urn:otumat:quota"
    assert (still.status_code, still.headers["retry-after"]) == (429, "21600")
    assert (others.status_code, later.status_code) == (200, 200)


def test_an_install_may_fetch_so_many_tokens_in_an_hour(service):
    """Each takes a row, and one that says yes could fill the disk; what is refused counts not."""
    service.host.refreshes._attempts = 3
    tokens = service.enrol()
    guess = mint("rt", install_of(tokens["refresh_token"], "rt"))
    other = service.enrol()

    def fetch(token):
        return service.refresh(token).status_code

    assert [fetch(guess) for _ in range(5)] == [400] * 5
    assert [fetch(tokens["refresh_token"]) for _ in range(4)] == [200] * 3 + [429]
    refused = service.refresh(tokens["refresh_token"])
    assert refused.json()["error"] == "temporarily_unavailable"
    assert refused.headers["retry-after"] == "3600"
    assert fetch(other["refresh_token"]) == 200
    service.clock.forward(seconds=3600)
    assert fetch(tokens["refresh_token"]) == 200


def test_the_smallest_upload_counts_as_a_kilobyte(service):
    """It takes a row of the log and of its keys."""
    service.host.uploads._attempts = 3 * 1024
    tokens = service.enrol()

    told = [service.upload(tokens, service.batch(tokens, "a")).status_code for _ in range(4)]

    assert told == [200, 200, 200, 429]


def test_who_asks_on_is_not_forgotten_for_it():
    """Else whoever waits until many others were counted would begin anew."""
    limit = Limit(1, 1000, remembered=10)
    limit.count("greedy", 0)
    for number in range(100):
        limit.count(str(number), 0)
        limit.count("greedy", 0, 0)

    assert limit.spent("greedy", 0)


def test_no_limit_is_one_that_nobody_meets():
    limit = Limit.of_uploads(0)
    limit.count("a", 0, 2**50)

    assert not limit.spent("a", 0)


def test_a_flood_of_addresses_is_forgotten_the_oldest_first():
    limit = Limit(1, 1000)
    for number in range(20_000):
        limit.count(str(number), 0)

    assert not limit.spent("0", 0)
    assert limit.spent("19999", 0)
    assert len(limit._counts) <= 10_000
    assert {type(key) for key in limit._counts} == {int}, "an address is held"
