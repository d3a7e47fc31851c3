"""Target shares, as written in one line."""

from collections.abc import Sequence

from synthgen.errors import UsageError
from synthgen.stats.distance import Reference, Target, uniform

FORM = "'uniform', or shares such as 'light:0.3,medium:0.4,dark:0.3'"


def parse_target(attribute: str, text: str, values: Sequence[str]) -> Reference:
    """Read a target.

    Raises:
        UsageError: the text is not a valid target for these values.
    """
    if text.strip() == "uniform":
        return uniform(values)
    shares = {}
    for part in text.split(","):
        value, colon, share = part.rpartition(":")
        try:
            shares[value.strip()] = float(share)
        except ValueError:
            colon = ""
        if not colon:
            raise UsageError(f"--target {attribute}={text}: not understood", hint=f"Expected {FORM}.")
    target = Target(shares)
    target.checked(attribute, values)
    return Reference("declared shares", target)
