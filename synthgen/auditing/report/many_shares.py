"""Very many shares in classes: `audit.json` has those that tell most, and `shares.parquet` has all."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

from synthgen.auditing.findings import AttributeFindings, Findings, Scope
from synthgen.auditing.report.composition import most_telling_shares

MOST_SHARES = 50_000
"""Shares in classes that `audit.json` has at most, about 35 MB; but at least one of each class."""


def shortened(findings: Findings) -> Findings:
    """Return the findings with at most `MOST_SHARES` shares in classes; overall ones stay, and so do small classes.

    Each class keeps the values that are farthest from the target or, without one, have the most images.
    """
    sizes = _sizes(findings)
    most = _most_of_each(sizes)
    if most >= max(sizes, default=0):
        return findings
    attributes, joint = (
        tuple(_shortened(each, most) for each in several) for several in (findings.attributes, findings.joint)
    )
    return replace(findings, attributes=attributes, joint=joint)


def shares_left_out(findings: Findings) -> int:
    """Count the shares in classes that `audit.json` leaves out."""
    sizes = _sizes(findings)
    most = _most_of_each(sizes)
    return sum(max(0, size - most) for size in sizes)


def write_shares(findings: Findings) -> bytes:
    """Write all shares as Parquet, a row for each. A lone surrogate, which UTF-8 cannot encode, becomes '?'."""
    import pandas as pd

    from synthgen.auditing.tables import tables

    found = tables(findings)
    table = pd.concat([part for name in ("shares", "joint_shares") if len(part := found[name])], ignore_index=True)
    for name in ("attribute", "place", "class", "value"):
        table[name] = table[name].map(lambda text: text.encode("utf-8", "replace").decode(), na_action="ignore")
    written = BytesIO()
    table.astype({"figure": "string"}).to_parquet(written, index=False)
    return written.getvalue()


def _sizes(findings: Findings) -> list[int]:
    """Return the number of shares of each class in each attribute and combination."""
    return [len(scope.shares) for each in (*findings.attributes, *findings.joint) for scope in each.scopes[1:]]


def _most_of_each(sizes: Sequence[int]) -> int:
    """Return how many shares each class may have, so that all together have no more than `MOST_SHARES`."""
    left, classes = MOST_SHARES, len(sizes)
    for size in sorted(sizes):
        if size * classes > left:
            return max(1, left // classes)
        left, classes = left - size, classes - 1
    return max(sizes, default=0)


def _shortened(attribute: AttributeFindings, most: int) -> AttributeFindings:
    overall, *classes = attribute.scopes
    return replace(attribute, scopes=(overall, *(_with_most(scope, most) for scope in classes)))


def _with_most(scope: Scope, most: int) -> Scope:
    kept = tuple(most_telling_shares(scope, most))
    return replace(scope, shares=kept, shares_left_out=len(scope.shares) - len(kept))
