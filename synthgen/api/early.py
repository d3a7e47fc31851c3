"""Early rejection: whether a spec can have it."""

from synthgen.errors import UsageError
from synthgen.spec import Spec
from synthgen.spec.early_plan import early_of


def check_early(spec: Spec) -> None:
    """Refuse `filters.early` with a step where it cannot act.

    Raises:
        UsageError: it says why.
    """
    found, asked = early_of(spec), spec.filters.early
    if asked is not None and asked.steps != "auto" and isinstance(found, str):
        hint = "Set it to auto, which leaves it off where it cannot act, or remove it."
        raise UsageError(f"filters.early: {found}", hint=hint)
