"""Near-duplicates and what images share, in words."""

from collections.abc import Iterator

from synthgen.auditing.embeddings import Diversity, Leakage
from synthgen.auditing.findings import Findings
from synthgen.auditing.report.report import AuditReport
from synthgen.auditing.report.words import counted, spoken
from synthgen.auditing.shared import COLUMN, Dependence
from synthgen.pages.page import short

_SHOWN = 6
_LEAST = 1.05
EFFECT_IS = {
    "estimate": "estimated from how alike the images of a group are",
    "known": "known, since such rows are one image each",
    "bound": "the most that it can be, since the groups are too few to estimate it",
}
"""What kind of figure a design effect is."""
_WORDS = {
    "prompt": "share a prompt",
    "seed": "share a seed",
    "source": "share a source image",
    "file": "share a file or an id",
    "near-duplicates": "are near-duplicates of one another",
}


def apart_told(found: Diversity | Leakage) -> str:
    """Say how many of the pairs differ in their class or an attribute."""
    apart = [(f"{each.pairs:,}", short(spoken(each.name), 24)) for each in found.apart if each.pairs]
    if not apart:
        return ""
    others = "".join(f", {pairs} in {name}" for pairs, name in apart[1:_SHOWN])
    more = f", some in {len(apart) - _SHOWN} others" if apart[_SHOWN:] else ""
    return f"{apart[0][0]} of these pairs differ in {apart[0][1]}{others}{more}"


def near_told(report: AuditReport) -> Iterator[str]:
    """Say how many near-duplicates there are, if there are any."""
    for what, found in (("near-duplicates", report.diversity), ("near-duplicates of the reference", report.leakage)):
        if found is None or not found.pairs_found:
            continue
        apart = apart_told(found)
        how = "every pair compared" if found.check is None else f"at least; {found.check.told}"
        where = f"{what}: {counted(found.pairs_found, 'pair')} at a cosine of {found.threshold} or more ({how})"
        yield f"{where}; {apart}" if apart else where


def dependence_told(dependence: Dependence | None) -> Iterator[str]:
    """Say how many images share what."""
    for each in dependence.shared if dependence else ():
        if each.what == "prompt" and dependence and not dependence.told:
            continue  # the page shows the number of prompts next to that of images
        if not each.groups:
            continue
        groups = counted(each.groups, "group")
        share = _WORDS.get(each.what) or f"share a {each.what.removeprefix(COLUMN)}"
        where = ", also over classes" if dependence and each.what in dependence.reaching else " within a class"
        ignored = "" if each.counted else "; so few that intervals need not allow for it"
        yield f"{counted(each.images, 'image')} in {groups} {share}{where}{ignored}"


def effects_told(findings: Findings) -> Iterator[str]:
    """Say for each attribute what its design effect overall is, and whether that is an estimate."""
    for attribute in findings.attributes:
        scope = attribute.scopes[0]
        if scope.design_effect is not None and scope.design_effect > _LEAST and scope.effect_is is not None:
            what = f"{short(spoken(attribute.name), 40)}: the design effect overall is {scope.design_effect:.1f}"
            yield f"{what}, {EFFECT_IS[scope.effect_is]}"
