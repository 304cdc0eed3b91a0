"""Use the features from a shell: ``python -m tracked count one two three``."""

import sys

import tracked

_FEATURES = {"count": tracked.count, "reverse": tracked.reverse, "summarise": tracked.summarise}


def main() -> int:
    """Run one feature over the words that follow its name."""
    feature = _FEATURES.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if feature is None:
        print(f"Error: name one of {', '.join(_FEATURES)}, and then words", file=sys.stderr)
        return 2
    print(feature(" ".join(sys.argv[2:])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
