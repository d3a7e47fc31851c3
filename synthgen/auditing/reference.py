"""Target shares, as users write them."""

from collections.abc import Mapping, Sequence

from synthgen.errors import UsageError
from synthgen.stats.distance import Reference, Target, uniform

FORM = "'uniform', or shares such as 'light:0.3,medium:0.4,dark:0.3'"


def read_target(attribute: str, target: str | Mapping[str, float], values: Sequence[str]) -> Reference:
    """Read a target: in one line, or as a mapping of values to shares.

    Raises:
        UsageError: it is not a valid target for these values.
    """
    if isinstance(target, str):
        if target.strip() == "uniform":
            return uniform(values)
        target = _shares(attribute, target)
    declared = Target({str(value): float(share) for value, share in target.items()})
    declared.checked(attribute, values)
    return Reference("declared shares", declared)


def _shares(attribute: str, text: str) -> dict[str, float]:
    """Read shares in one line.

    Raises:
        UsageError: the text is something else, or names a value twice.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        value, colon, share = part.rpartition(":")
        try:
            number = float(share)
        except ValueError:
            colon = ""
        if not colon:
            raise UsageError(f"{attribute}={text}: not understood", argument="targets", hint=f"Expected {FORM}.")
        if value.strip() in shares:
            what = f"{attribute}={text}: {value.strip()!r} is given twice"
            raise UsageError(what, argument="targets", hint="Give each value once.")
        shares[value.strip()] = number
    return shares
