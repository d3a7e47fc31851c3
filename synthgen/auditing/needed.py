"""What an undecided gate takes, in words: how many images, or groups of them."""

from collections.abc import Sequence
from math import ceil, floor, log10

from synthgen.auditing.findings import Scope
from synthgen.stats.estimates import Estimate
from synthgen.stats.power import images_to_pass


def more_told(scope: Scope, images: str = "images") -> str:
    """Say what would narrow the interval of a place: more images, or more groups of those that are alike."""
    if scope.effect_is == "bound" and scope.clusters:
        return f"more groups of {images} (here {'is 1' if scope.clusters == 1 else f'are {scope.clusters:,}'})"
    if scope.effect_is == "known":
        return f"more different {images}"
    return f"more {images}"


def needed_told(
    target: Sequence[float], limit: float, found: Estimate | None, worth: float, scope: Scope
) -> str | None:
    """Say how many images it takes before a limit on total variation can be kept; None if there is nothing to say.

    At least as many as shares exactly on target would need. And if the distance stays as it was measured, so many that
    the upper end of its interval reaches the limit: its length falls with the root of the images.

    Args:
        found: the distance; None if it could not be measured.
        worth: how many independent images those of the place are worth.
    """
    parts, least = [], images_to_pass(target, limit)
    if least is not None and least > worth:
        parts.append(f"at least about {least:,}")
    if found is not None and found.value < limit < found.high:
        stays = worth * ((found.high - found.value) / (limit - found.value)) ** 2
        parts.append(f"about {_rounded(max(stays, least or 0)):,} if the distance stays at {found.value:.3f}")
    if not parts:
        return None
    what = more_told(scope).split(" (")[0]
    if worth > 0.99 * scope.valued:
        return f"{what} ({', '.join(parts)}; here are {scope.valued:,})"
    here = f"here are {scope.valued:,} images, worth {floor(worth):,}"
    return f"{what} (independent ones: {', '.join(parts)}; {here})"


def _rounded(images: float) -> int:
    """Round up to two digits."""
    step = 10 ** max(0, floor(log10(max(images, 1))) - 1)
    return int(ceil(images / step - 1e-9) * step)
