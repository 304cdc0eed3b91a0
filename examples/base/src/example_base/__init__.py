"""Greets in every language that a trusted plugin brings."""

import sys

from example_base._plugins import trusted_greetings


def main() -> None:
    """Greet whoever is named on the command line; name every plugin that was refused."""
    name = sys.argv[1] if len(sys.argv) > 1 else "World"
    print(f"Hello, {name}!")
    for greeting in trusted_greetings(on_refusal=_report):
        print(greeting(name))


def _report(plugin: str, reason: Exception) -> None:
    print(f"example-greet: {plugin} is not loaded: {reason}", file=sys.stderr)
