"""What the statistics say of a test's host."""


def total(service, package="demo"):
    """Return the events that the log holds, as the statistics count them."""
    from otumat_usage.host import _packages, _statistics

    with service.host.database.read() as connection:
        found = _packages.find(connection, package)
        return _statistics.summarise(connection, found, service.clock())
