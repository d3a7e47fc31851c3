"""What is wrong with a box or a mask."""

from synthgen.errors import UsageError


class RegionError(UsageError):
    """A box, a mask or a canvas that cannot be used. Whoever knows which image it belongs to names it."""
