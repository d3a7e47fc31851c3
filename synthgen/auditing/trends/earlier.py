"""Reading the `audit.json` of an earlier audit: foreign data, of which only what is compared is read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthgen.auditing.places import JSON
from synthgen.errors import UsageError

MOST_BYTES = 64 * 2**20
_FORMAT = 1
_HINT = "Expected the audit.json of an earlier audit, or its folder."
_ROUNDING = 1e-9

FoundCount = Annotated[int, Field(ge=0)]
FoundText = Annotated[str, Field(max_length=100_000)]


class Known(BaseModel):
    """A part of `audit.json`, with the names that are compared. Other names may be there too."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class KnownEstimate(Known):
    """A number with its interval."""

    value: float
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low - _ROUNDING <= self.value <= self.high + _ROUNDING:
            raise ValueError(f"{self.value} is not in its interval")
        return self


class KnownShare(Known):
    value: FoundText
    count: FoundCount
    raw: KnownEstimate | None
    clustered: KnownEstimate | None
    matrix: KnownEstimate | None
    labels: KnownEstimate | None
    widened: KnownEstimate | None = None

    def of(self, figure: str | None) -> KnownEstimate | None:
        figures = {"raw": self.raw, "clustered": self.clustered, "matrix": self.matrix, "labels": self.labels}
        return {**figures, "widened": self.widened}.get(figure or "")


class KnownQuote(Known):
    figure: FoundText | None
    unchecked: FoundText | None = None


class KnownDistance(Known):
    measure: FoundText
    found: KnownEstimate


class KnownScope(Known):
    class_name: FoundText | None
    images: FoundCount
    unknown_share: KnownEstimate | None
    shares: Sequence[KnownShare]
    quote: KnownQuote
    reference: Mapping[str, float] | None
    distances: Sequence[KnownDistance]
    shares_left_out: FoundCount = 0


class KnownAttribute(Known):
    name: FoundText
    values: Sequence[FoundText]
    known: bool
    scopes: Annotated[Sequence[KnownScope], Field(min_length=1)]


class KnownGate(Known):
    gate: FoundText
    outcome: FoundText


class KnownFindings(Known):
    images: FoundCount
    classes: Mapping[str, FoundCount]
    confidence: float
    attributes: Sequence[KnownAttribute]
    gates: Sequence[KnownGate]
    about: FoundText = "source"


class KnownJudge(Known):
    name: FoundText
    revision: FoundText | None = None


class KnownDiversity(Known):
    class_name: FoundText | None
    compared: FoundCount
    rke: KnownEstimate | None
    vendi: KnownEstimate | None
    distance: KnownEstimate | None
    compared_duplicate_rate: KnownEstimate | None = None


class KnownDiversities(Known):
    threshold: float
    scopes: Sequence[KnownDiversity]


class KnownIssue(Known):
    kind: FoundText
    images: FoundCount
    share: KnownEstimate | None
    rule: FoundText
    reason: FoundText | None = None


class KnownInspection(Known):
    issues: Sequence[KnownIssue]


class KnownQuestion(Known):
    attribute: FoundText
    sha256: FoundText | None


class KnownSketch(Known):
    images: FoundCount
    smallest: Annotated[Sequence[Annotated[str, Field(pattern="^[0-9a-f]{16}$")]], Field(max_length=256)]


class KnownProvenance(Known):
    created: FoundText
    questions: Sequence[KnownQuestion] = ()
    embedder: KnownJudge | None = None
    ids: KnownSketch | None = None
    left_out: FoundCount | None = None


class AuditRecord(Known):
    """What is compared of an audit."""

    set_name: FoundText
    judge: KnownJudge | None
    findings: KnownFindings
    diversity: KnownDiversities | None
    provenance: KnownProvenance
    inspection: KnownInspection | None = None


def read_earlier(given: Sequence[Path]) -> list[tuple[str, AuditRecord]]:
    """Read earlier audits, each named by an audit.json or its folder, with their names.

    Raises:
        UsageError: one is not there, too large, damaged, of a newer format or something else, or is given twice.
    """
    files = [path / JSON if path.is_dir() else path for path in given]
    real = [file.resolve() for file in files]
    if twice := [file for at, file in enumerate(files) if real[at] in real[:at]]:
        raise UsageError(f"{twice[0]} is given twice", argument="since", hint="Give each earlier audit once.")
    return [(str(path), read_record(str(file), _content(file))) for path, file in zip(given, files, strict=True)]


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file", argument="since", hint=_HINT)
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", argument="since", hint=_HINT) from error
    if len(content) > MOST_BYTES:
        what = f"{file} is larger than {MOST_BYTES // 2**20} MiB, which no audit is"
        raise UsageError(what, argument="since", hint=_HINT)
    return content


def read_record(place: str, content: bytes) -> AuditRecord:
    """Read what is compared of an audit.

    Raises:
        UsageError: it is damaged, of a newer format, or not an audit.
    """
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place} is damaged: {error}", argument="since", hint=_HINT) from error
    kind = whole.get("format") if isinstance(whole, dict) else None
    if not isinstance(kind, int) or isinstance(kind, bool) or "findings" not in whole:
        raise UsageError(f"{place} is not an audit.json", argument="since", hint=_HINT)
    if kind != _FORMAT:
        hint = "Use the version of synthgen that wrote it, or a newer one; or audit that version of the set again."
        what = f"{place} has format {kind}, and this version of synthgen reads format {_FORMAT}"
        raise UsageError(what, argument="since", hint=hint)
    try:
        return AuditRecord.model_validate(whole)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UsageError(f"{place}: {where}: {first['msg']}", argument="since", hint=_HINT) from error
