"""The groups that others are compared with: those that the user names, or else the largest."""

from collections.abc import Collection, Mapping, Sequence

from synthgen.auditing.findings import AttributeFindings
from synthgen.auditing.groups.found import ReferenceGroup
from synthgen.errors import UsageError
from synthgen.spec import difference, folded

CLASS = "class"
_FORM = "Write `reference_groups={'class': 'doctor', 'gender': 'man'}`."


def check_reference_groups(
    given: Mapping[str, str], attributes: Mapping[str, Sequence[str]], classes: Collection[str]
) -> None:
    """Check that every group exists.

    Raises:
        UsageError: one does not.
    """
    for name, group in given.items():
        if name != CLASS and name not in attributes:
            there = ", ".join((CLASS, *attributes))
            what = f"{name}={group}: there is no attribute {name!r}"
            raise UsageError(what, argument="reference_groups", hint=f"Expected one of: {there}.")
        groups = classes if name == CLASS else attributes[name]
        if group not in groups:
            hint = f"It has {', '.join(sorted(groups)[:20])}."
            if near := next((each for each in groups if folded(each) == folded(group)), None):
                hint = f"{near!r} differs {difference(group, near)}."
            raise UsageError(f"{name}={group}: no such group", argument="reference_groups", hint=hint)


def reference_groups(
    given: Mapping[str, str], found: Sequence[AttributeFindings], classes: Mapping[str, int]
) -> dict[str, ReferenceGroup]:
    """Choose the reference group of the classes and of each attribute. One without an image is chosen only if named.

    The largest class has the most images, and the largest value the largest overall share, as quoted.
    """
    groups = {name: ReferenceGroup(name, group, True) for name, group in given.items()}
    if CLASS not in groups and any(classes.values()):
        groups[CLASS] = ReferenceGroup(CLASS, max(classes, key=lambda name: classes[name]), False)
    for attribute in found:
        overall = attribute.scopes[0]
        shares = [(share.of(overall.quote.figure), share.value) for share in overall.shares]
        there = [(estimate.value, value) for estimate, value in shares if estimate is not None]
        if attribute.name not in groups and there:
            largest = max(there, key=lambda each: each[0])[1]
            groups[attribute.name] = ReferenceGroup(attribute.name, largest, False)
    return groups
