"""Where the client's events lie before they are taken in."""


def spools(data):
    """Return the spool files below the folder *data*."""
    return sorted(data.rglob("*.spool"))
