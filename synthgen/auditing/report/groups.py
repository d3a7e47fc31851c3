"""Groups compared, as tables of words: for the page, and in short for a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synthgen.auditing.basis import word_of
from synthgen.auditing.deviations import deviations, listed
from synthgen.auditing.findings import AttributeFindings, Findings
from synthgen.auditing.groups.found import Contrast, GroupFindings, Slices, Stratified
from synthgen.auditing.groups.joint import joint_value
from synthgen.auditing.groups.model_errors import AttributeErrors, GroupErrors, ModelErrors
from synthgen.auditing.report.composition import most_telling, row_name
from synthgen.auditing.report.words import (
    EN,
    capitalized,
    counted,
    decimals,
    p_value,
    percent,
    percents,
    points,
    spoken,
)
from synthgen.pages.page import short
from synthgen.stats.distance import Measure

MOST_ROWS = 12
_LEVEL, _LONGEST = 0.05, 60


@dataclass(frozen=True, slots=True)
class GroupTable:
    """A table of texts.

    Attributes:
        columns: the first one names the rows.
        notes: below the table, each a sentence.
        brief: whether a terminal shows it, too.
    """

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    brief: bool = False


def group_tables(findings: Findings) -> tuple[GroupTable, ...]:
    """Return the tables on slices, reference groups, combinations and strata. Empty without images."""
    groups = findings.groups
    if groups is None or not findings.images:
        return ()
    found = [_slices(groups.slices)] if groups.slices is not None else []
    found += [_joint(each) for each in findings.joint if each.reference]
    found += list(_contrasts(groups))
    if groups.stratified:
        found.append(_stratified(groups.stratified))
    return tuple(found)


def error_tables(findings: Findings) -> tuple[GroupTable, ...]:
    """Return the tables on a model's errors. Empty without its predictions."""
    errors = findings.groups.errors if findings.groups is not None else None
    if errors is None:
        return ()
    return (_classes(errors), *(_groups(each) for each in errors.attributes))


def _cut(name: str) -> str:
    return short(name, _LONGEST)


def _slices(found: Slices) -> GroupTable:
    rows = tuple(
        (
            f"{_cut(each.place)}: {_cut(joint_value(each.values))}",
            "fewer than 10" if each.count is None else f"{each.count:,} of {each.images:,}",
            percents(each.share) if each.share else "suppressed",
            f"{percent(each.reference)}{'' if each.basis == 'target' else f' ({each.basis})'}",
            percent(each.at_least),
            p_value(each.adjusted),
        )
        for each in found.worst
    )

    judged = any(not each.known for each in found.worst)
    notes = [
        f"{counted(found.searched, 'slice')} searched: each class, and all together, by the values of one attribute or "
        f"of two; {found.beyond_chance:,} beyond chance. The tests and the column 'off by at least' allow for the "
        "search."
    ]
    if not found.worst:
        notes = [f"None is beyond chance among {counted(found.searched, 'slice')} searched."]
    if judged:
        notes.append("These are the judge's answers, its errors included.")
    if found.not_searched:
        notes.append(
            f"Left out of the search: {counted(found.not_searched, 'case')} of one or two attributes in a class, or in "
            f"the whole set, that has fewer than {found.smallest} images or too few different prompts for a test."
        )
    columns = ("slice", "images", "share (95 %)", "reference", "off by at least", "test (Holm)")
    return GroupTable("Worst slices", columns, rows, tuple(notes), brief=True)


def _joint(found: AttributeFindings) -> GroupTable:
    rows = []
    for scope in (found.scopes[0], *most_telling(found.scopes[1:], MOST_ROWS)):
        far = next((each for each in scope.distances if each.measure is Measure.TV), None)
        if far is not None:
            adjusted = far.p_value if far.adjusted is None else far.adjusted
            off = (
                listed([each._replace(value=_cut(each.value)) for each in deviations(scope)])
                or "no combination for sure"
            )
            limit = f"≤ {far.chance_limit:.2f}"
            rows.append((_cut(row_name(scope)), decimals(far.found), limit, p_value(adjusted), off))
    columns = ("where", "total variation (95 %)", "by chance", "test (Holm)", "off target")
    notes = [f"Target: {_cut(str(found.reference))}. Shares are of the images with a value for every part."]
    if unchecked := found.scopes[0].quote.unchecked:
        notes.append(f"{capitalized(word_of(found.scopes[0]))}: {unchecked}.")
    return GroupTable(f"Combinations: {_times(found.name)}", columns, tuple(rows), tuple(notes), brief=True)


def _times(name: str) -> str:
    return " × ".join(_cut(spoken(part)) for part in name.split(" x "))


def _contrasts(groups: GroupFindings) -> Iterator[GroupTable]:
    declared = {each.of for each in groups.references if each.declared}
    for name in dict.fromkeys(each.attribute for each in groups.contrasts):
        own = [each for each in groups.contrasts if each.attribute == name]
        for kind, where in (("classes", "between classes"), ("values", "between values")):
            rows = sorted((each for each in own if each.compared == kind), key=_size, reverse=True)
            if rows:
                reference = rows[0].reference
                of = "class" if kind == "classes" else name
                chosen = "as you chose" if of in declared else "the largest"
                notes = [f"Compared with {_cut(reference)}, {chosen}. Differences are in points of the share."]
                notes += _spread_notes(groups, name) if kind == "classes" else []
                if len(rows) > MOST_ROWS:
                    notes.append(f"{len(rows) - MOST_ROWS:,} more in audit.json.")
                yield GroupTable(
                    f"{_cut(spoken(name))}, {where}",
                    ("group", "share (95 %)", "difference", "ratio"),
                    tuple(map(_row, rows[:MOST_ROWS])),
                    tuple(notes),
                    brief=of in declared,
                )


def _size(contrast: Contrast) -> float:
    return abs(contrast.difference.value) if contrast.difference else -1.0


def _row(each: Contrast) -> tuple[str, ...]:
    names = (each.group, str(each.value)) if each.compared == "classes" else (each.place, each.group)
    group = ": ".join(map(_cut, names))
    return group, percents(each.share), points(each.difference), decimals(each.ratio) if each.ratio else EN


def _spread_notes(groups: GroupFindings, name: str) -> list[str]:
    """Say how much the extremes among all classes differ, for the value where they differ most."""
    own = [each for each in groups.spreads if each.attribute == name]
    if not own:
        return []
    most = max(own, key=lambda each: each.difference.value)
    ratio = f", ratio {decimals(most.ratio)}" if most.ratio else ""
    return [
        f"Farthest apart of all classes: {_cut(most.value)} in {_cut(most.highest)} and in {_cut(most.lowest)}, "
        f"difference {points(most.difference)}{ratio}. These intervals allow for the choice of the extremes."
    ]


def _stratified(found: Sequence[Stratified]) -> GroupTable:
    rows = []
    for each in found:
        odds = EN if each.odds_ratio is None else f"{decimals(each.odds_ratio)}: {short(each.odds or EN, 120)}"
        test = p_value(each.adjusted) if each.test else each.reason or EN
        marginal = f"V {decimals(each.marginal)}" if each.marginal else EN
        first, second, within = (_cut(spoken(part)) for part in (each.first, each.second, each.within))
        name = f"{first} and {second}, within {within}"
        rows.append((name, marginal, test, odds))
    notes = [
        "A Cochran-Mantel-Haenszel test for each, with Holm's correction. If it rejects, the two depend on each "
        "other even among images of one stratum. V and this test can disagree, since strata can make or hide an "
        "association (Simpson's paradox). Associations of opposite directions in different strata cancel each other in "
        "this test."
    ]
    some = any(each.adjusted is not None and each.adjusted < _LEVEL for each in found)
    columns = ("what", "without strata", "within strata (Holm)", "common odds ratio")
    return GroupTable("Association within strata", columns, tuple(rows), tuple(notes), brief=some)


def _classes(errors: ModelErrors) -> GroupTable:
    overall = errors.overall
    rows: list[tuple[str, ...]] = [("all images", f"{overall.images:,}", percents(overall.error), EN, EN, EN)]
    chosen = sorted(overall.classes, key=lambda each: each.recall.value if each.recall else 2.0)
    for each in chosen[:MOST_ROWS]:
        figures = (each.fnr, each.fpr, each.precision, each.selection_rate)
        rows.append((each.class_name, f"{each.images:,}", *(percents(figure) if figure else EN for figure in figures)))
    notes = []
    if errors.missing:
        notes.append(f"{counted(errors.missing, 'image')} without a prediction are in no rate.")
    if errors.outside:
        named = ", ".join(map(_cut, errors.outside_names[:5]))
        notes.append(f"{counted(errors.outside, 'prediction')} outside the classes count as errors: {named}.")
    if chosen[MOST_ROWS:]:
        notes.append(f"{counted(len(chosen[MOST_ROWS:]), 'more class', 'more classes')} in audit.json.")
    columns = ("class", "images", "error, or missed (FNR)", "FPR", "precision", "selection rate")
    return GroupTable("By class", columns, tuple(rows), tuple(notes), brief=True)


def _groups(found: AttributeErrors) -> GroupTable:
    apart = {(each.group, each.metric): each for each in found.contrasts if each.place == "overall"}

    def row(each: GroupErrors) -> tuple[str, ...]:
        contrast = apart.get((str(each.group), "error"))
        if contrast is None:
            beside = ("reference", "") if each.group == found.reference else (EN, EN)
        else:
            beside = (points(contrast.difference), decimals(contrast.ratio) if contrast.ratio else EN)
        return str(each.group), f"{each.images:,}", percents(each.error), *beside

    notes = []
    if found.unchecked:
        notes.append(f"Caution: {found.unchecked}.")
    if found.without_group:
        notes.append(f"{counted(found.without_group, 'image')} without a value are in no group.")
    spread = next((each for each in found.spreads if each.metric == "error"), None)
    if spread is not None:
        ratio = f", ratio {decimals(spread.ratio)}" if spread.ratio else ""
        notes.append(
            f"Largest difference of error rates: {points(spread.difference)}{ratio}, of {_cut(spread.highest)} and "
            f"{_cut(spread.lowest)}. Rates of each class by group are in audit.json."
        )
    columns = ("group", "images", "error (95 %)", "difference", "ratio")
    rows = tuple(map(row, found.groups[: 2 * MOST_ROWS]))
    return GroupTable(f"By {_times(found.attribute)}", columns, rows, tuple(notes), brief=True)
