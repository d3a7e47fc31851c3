"""What the checks of all contracts share."""

from collections.abc import Mapping


def require(holds: object, what: str) -> None:
    """Raise what is wrong, also where Python drops `assert`.

    Raises:
        AssertionError: it does not hold.
    """
    if not holds:
        raise AssertionError(what)


def require_facts(provenance: Mapping[str, object]) -> None:
    """Check what a generator or judge says about itself: it is written into files of text.

    Raises:
        AssertionError: there is nothing, or a value is not text.
    """
    strange = {key: value for key, value in provenance.items() if not isinstance(value, str)}
    require(provenance and not strange, f"provenance must map texts to texts, found {strange or 'nothing'}")
