"""Findings as pandas tables: one row for each number, with the ends of its interval in further columns."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, get_type_hints

import pandas as pd

from synthgen.auditing.compare import Comparison
from synthgen.auditing.findings import AttributeFindings, Findings, Scope
from synthgen.auditing.groups.found import GroupFindings
from synthgen.auditing.groups.model_errors import GroupErrors
from synthgen.stats.estimates import Estimate

TableRow = dict[str, Any]


def tables(findings: Findings) -> dict[str, pd.DataFrame]:
    """Return the findings as tables, by name. What was not asked for is an empty table.

    The names are shares, scopes, distances, associations, crossings, filters, losses, amplification, agreement, gates;
    of groups contrasts, spreads, slices, stratified, errors, class_errors, error_contrasts, error_spreads; and
    joint_shares and joint_distances of combinations of attributes.
    """
    joint = replace(findings, attributes=findings.joint)
    return {
        "shares": pd.DataFrame(_shares(findings)),
        "scopes": pd.DataFrame(_scopes(findings)),
        "distances": pd.DataFrame(_distances(findings)),
        "associations": pd.DataFrame(
            {"attribute": each.name, **_flat(each.association)} for each in findings.attributes
        ),
        "crossings": pd.DataFrame(_crossings(findings)),
        "filters": pd.DataFrame(_filters(findings)),
        "losses": pd.DataFrame(_flat(each) for each in (findings.pipeline.losses if findings.pipeline else ())),
        "amplification": pd.DataFrame(_flat(each) for each in findings.amplification),
        "agreement": pd.DataFrame(_agreement(findings)),
        "gates": pd.DataFrame(_gates(findings)),
        "joint_shares": pd.DataFrame(_shares(joint)),
        "joint_distances": pd.DataFrame(_distances(joint)),
        **group_tables(findings.groups),
    }


def group_tables(found: GroupFindings | None) -> dict[str, pd.DataFrame]:
    """Return what compares groups as tables, by name."""
    errors = found.errors if found else None
    rates: list[tuple[str | None, GroupErrors]] = [(None, errors.overall)] if errors else []
    rates += [(each.attribute, group) for each in (errors.attributes if errors else ()) for group in each.groups]
    apart = errors.attributes if errors else ()
    return {
        "contrasts": pd.DataFrame(_flat(each) for each in (found.contrasts if found else ())),
        "spreads": pd.DataFrame(_flat(each) for each in (found.spreads if found else ())),
        "slices": pd.DataFrame(_flat(each) for each in (found.slices.worst if found and found.slices else ())),
        "stratified": pd.DataFrame(_flat(each) for each in (found.stratified if found else ())),
        "errors": pd.DataFrame(
            {"attribute": name, **{key: cell for key, cell in _flat(group).items() if key != "classes"}}
            for name, group in rates
        ),
        "class_errors": pd.DataFrame(
            {"attribute": name, "group": group.group, **_flat(each)} for name, group in rates for each in group.classes
        ),
        "error_contrasts": pd.DataFrame(
            {"attribute": each.attribute, **_flat(row)} for each in apart for row in each.contrasts
        ),
        "error_spreads": pd.DataFrame(
            {"attribute": each.attribute, **_flat(row)} for each in apart for row in each.spreads
        ),
    }


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    return pd.DataFrame(_flat(each) for each in comparison.differences)


def _each(findings: Findings) -> Iterator[tuple[AttributeFindings, Scope, TableRow]]:
    for attribute in findings.attributes:
        for scope in attribute.scopes:
            yield attribute, scope, {"attribute": attribute.name, "place": scope.place, "class": scope.class_name}


def _shares(findings: Findings) -> Iterator[TableRow]:
    for _, scope, row in _each(findings):
        for share in scope.shares:
            quoted = _estimate("quoted", share.of(scope.quote.figure))
            yield {**row, **_flat(share), "figure": scope.quote.figure, **quoted}


def _scopes(findings: Findings) -> Iterator[TableRow]:
    left = ("shares", "missing", "reference", "distances", "raw_distances", "caveats", "class_name")
    for attribute, scope, row in _each(findings):
        flat = {key: value for key, value in _flat(scope).items() if key not in left}
        yield {**row, **flat, "reference": attribute.reference, "caveats": "; ".join(scope.caveats)}


def _distances(findings: Findings) -> Iterator[TableRow]:
    for _, scope, row in _each(findings):
        for distance in scope.distances:
            yield {**row, "figure": scope.quote.figure, **_flat(distance)}
        for distance in scope.raw_distances:
            yield {**row, "figure": "raw", **_flat(distance)}


def _crossings(findings: Findings) -> Iterator[TableRow]:
    for crossing in findings.crossings:
        for cell in crossing.cells:
            row = _flat(cell)
            row["values"] = " x ".join(cell.values)
            yield {"crossing": " x ".join(crossing.attributes), **row}


def _filters(findings: Findings) -> Iterator[TableRow]:
    for found in findings.pipeline.filters if findings.pipeline else ():
        whole = {key: value for key, value in _flat(found).items() if key != "values"}
        for passage in found.values:
            yield {**whole, **_flat(passage)}


def _agreement(findings: Findings) -> Iterator[TableRow]:
    for found in findings.agreement:
        whole = {key: value for key, value in _flat(found).items() if key not in ("first", "second")}
        for value, share in found.first.items():
            yield {**whole, "value": value, **_estimate("first", share), **_estimate("second", found.second[value])}


def _gates(findings: Findings) -> Iterator[TableRow]:
    for result in findings.gates:
        for check in result.checks:
            yield {"gate": result.gate, "gate_outcome": result.outcome, **_flat(check)}


def _flat(value: Any) -> TableRow:
    """Flatten a dataclass: an estimate becomes three columns, other dataclasses get their name as a prefix."""
    row: TableRow = {}
    estimates = _estimates(type(value))  # type: ignore[arg-type] # mypy takes classes for unhashable
    for name in (field.name for field in fields(value)):
        item = getattr(value, name)
        if isinstance(item, Estimate) or (item is None and name in estimates):
            row |= _estimate(name, item)
        elif is_dataclass(item):
            row |= {f"{name}_{key}": inner for key, inner in _flat(item).items()}
        elif isinstance(item, tuple) and all(isinstance(part, str) for part in item):
            row[name] = ", ".join(item)
        elif not isinstance(item, Mapping):
            row[name] = item
    return row


@cache
def _estimates(kind: type[object]) -> frozenset[str]:
    """Return the fields of a dataclass that hold an estimate, or None."""
    return frozenset(name for name, hint in get_type_hints(kind).items() if hint == (Estimate | None))


def _estimate(name: str, found: Estimate | None) -> TableRow:
    ends = (found.value, found.low, found.high) if found else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
