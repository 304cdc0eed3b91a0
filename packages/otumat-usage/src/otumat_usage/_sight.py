"""What can be seen of the task in a scheduler."""

import enum


class Sight(enum.Enum):
    """Whether a scheduler has the task, and as it should be."""

    MISSING = "missing"  #: it does not know it, or cannot be asked
    RIGHT = "right"  #: exactly as it should be, and active
    OTHER = "other"  #: it has one that differs, or is not active
    DISABLED = "disabled"  #: its user switched it off by hand: that is a no
