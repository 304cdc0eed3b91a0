"""How often something happens: ``30s``, ``15m``, ``12h``, ``1d``."""

from otumat_usage.exceptions import ConfigurationError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(frequency: str) -> int:
    """Return *frequency* in seconds.

    Raises:
        ConfigurationError: it is not a positive number and one of the units s, m, h, d.
    """
    number, unit = frequency[:-1], frequency[-1:]
    if number.isascii() and number.isdigit() and int(number) and unit in _UNITS:
        return int(number) * _UNITS[unit]
    raise ConfigurationError(
        f"a frequency is a number and one of s, m, h, d, for instance 12h; not {frequency!r}"
    )
