"""Teaches example-base to greet in French."""


def greet(name: str) -> str:
    """Return a French greeting."""
    return f"Bonjour, {name} !"
