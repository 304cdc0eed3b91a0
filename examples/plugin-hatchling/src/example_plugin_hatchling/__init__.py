"""Teaches example-base to greet in German."""


def greet(name: str) -> str:
    """Return a German greeting."""
    return f"Hallo, {name}!"
