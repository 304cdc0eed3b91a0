"""Answers of a host to uploads, and the uploads that came to it."""

import gzip
import json

EVENTS = "/api/usage-event"


def accept(body, **told):
    """Answer that every row was accepted, and whatever else the host tells."""
    parsed = json.loads(gzip.decompress(body))
    found = {"batch": parsed["batch"], "accepted": len(parsed["rows"]), "receipt": "r-1", **told}
    return 200, {}, json.dumps(found).encode()


def in_turn(*answers):
    """Return a function that gives one answer after the other."""
    left = list(answers)

    def answer(body):
        found = left.pop(0)
        return found(body) if callable(found) else found

    return answer


def uploads(fake):
    """Return the uploads that came, having checked that an id always had the same bytes."""
    bytes_of, found = {}, []
    for _, path, body, headers in fake.requests:
        if path == EVENTS:
            batch = json.loads(gzip.decompress(body))
            assert headers["idempotency-key"] == f'"{batch["batch"]}"'
            assert bytes_of.setdefault(batch["batch"], body) == body
            found.append((batch, headers))
    return found
