"""Rows: what the two tables of a shard hold, and their schemas as Arrow and Hugging Face read them."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from synthgen.ledger import columns
from synthgen.ledger.columns import ImageRow, LedgerRow, StoredImage
from synthgen.records import Judged, Reason, Verdict
from synthgen.spec import TO_CLASS, Spec, choices_of
from synthgen.spec.early_plan import EarlyPlan, early_of
from synthgen.spec.source_texts import LIST_OF, values_of

if TYPE_CHECKING:
    import pyarrow as pa

_NONE: Mapping[str, str] = MappingProxyType({})


def images_schema(spec: Spec, score_names: Sequence[str], kept: Mapping[str, str] = _NONE) -> "pa.Schema":
    """The schema of `shards/*.parquet`: the accepted images with their pixels. `load_dataset` opens it as it is.

    `phash` and `embedding` identify duplicates; the dataset leaves them out.

    Args:
        kept: the columns that images take over from their pictures, with their types: see `Sources`.
    """
    from datasets import ClassLabel, Features, Image, List

    return Features(
        {
            "id": _value("string"),
            "image": Image(),
            "label": ClassLabel(names=list(spec.classes)),
            "prompt": _value("string"),
            "negative_prompt": _value("string"),
            "variables": _value("string"),
            "seed": _value("int64"),
            **_drawn(spec),
            **_sourced(spec),
            **_taken_over(kept),
            **_carried(spec),
            **_measured(spec, score_names),
            columns.PHASH: _value("binary"),
            columns.EMBEDDING: List(_value("float16")),
        }
    ).arrow_schema


def ledger_schema(spec: Spec, score_names: Sequence[str], kept: Mapping[str, str] = _NONE) -> "pa.Schema":
    """The schema of `ledger/*.parquet`: one row for every attempt.

    `thumbnail` is a JPEG. `image`, the PNG of what was not accepted, exists with `rejects: {keep: images}` and with
    `surplus: keep`. With the latter, kept images also have what identifies duplicates.
    """
    from datasets import Features, Image, List

    has_surplus = spec.output.surplus == "keep"
    keeps = has_surplus or spec.output.rejects.keep == "images"
    return Features(
        {
            "id": _value("string"),
            "shard": _value("int32"),
            "attempt": _value("int32"),
            "class": _value("string"),
            columns.CELL_AIMED: _value("string"),
            columns.CELL_FILLED: _value("string"),
            "template": _value("string"),
            "variables": _value("string"),
            "prompt": _value("string"),
            "negative_prompt": _value("string"),
            "seed": _value("int64"),
            **_drawn(spec),
            **_sourced(spec),
            **_taken_over(kept),
            "verdict": _value("string"),
            "reason": _value("string"),
            "message": _value("string"),
            **_looked(spec),
            **_measured(spec, score_names),
            "seconds": _value("float32"),
            "batch_size": _value("int32"),
            "thumbnail": _value("binary"),
            **({"image": Image(), **_carried(spec)} if keeps else {}),
            **({columns.PHASH: _value("binary"), columns.EMBEDDING: List(_value("float16"))} if has_surplus else {}),
        }
    ).arrow_schema


def image_row(judged: Judged, png: bytes) -> ImageRow:
    candidate, assessment = judged.rendered.candidate, judged.assessment
    assert assessment is not None, "what was accepted was judged"
    row: ImageRow = {
        "id": candidate.id,
        "image": _image(candidate.id, png),
        "label": candidate.label,
        "prompt": candidate.prompt,
        "negative_prompt": candidate.negative_prompt,
        "variables": _json(candidate.variables),
        "seed": candidate.seed,
        columns.PHASH: assessment.phash,
        columns.EMBEDDING: assessment.embedding,
    }
    return cast("ImageRow", row | _settings(judged) | _source(judged) | _object(judged) | _measurements(judged))


def ledger_row(judged: Judged, thumbnail: bytes | None, png: bytes | None) -> LedgerRow:
    rendered, candidate = judged.rendered, judged.rendered.candidate

    row: LedgerRow = {
        "id": candidate.id,
        "shard": candidate.shard,
        "attempt": candidate.attempt,
        "class": candidate.class_name,
        columns.CELL_AIMED: candidate.cell,
        columns.CELL_FILLED: judged.cell,
        "template": candidate.template,
        "variables": _json(candidate.variables),
        "prompt": candidate.prompt,
        "negative_prompt": candidate.negative_prompt,
        "seed": candidate.seed,
        "verdict": judged.verdict.value,
        "reason": reason(judged),
        "message": _message(judged),
        "seconds": rendered.seconds,
        "batch_size": rendered.batch_size,
        "thumbnail": thumbnail,
        "image": _image(candidate.id, png) if png is not None else None,
    }
    if png is not None and judged.assessment is not None:
        row |= {"phash": judged.assessment.phash, "embedding": judged.assessment.embedding}
    if png is not None:
        row = cast("LedgerRow", row | _object(judged))
    return cast("LedgerRow", row | _settings(judged) | _source(judged) | _early(judged) | _measurements(judged))


def reason(judged: Judged) -> str | None:
    """The rule that rejected an image, or the kind of its failure; None if it was good."""
    if judged.verdict is Verdict.FAILED:
        assert judged.rendered.failure is not None
        return judged.rendered.failure.kind
    if judged.verdict is Verdict.REJECTED:
        if judged.assessment is None:
            return Reason.EARLY.value
        assert judged.assessment.reason is not None
        return judged.assessment.reason.value
    return None


def _message(judged: Judged) -> str | None:
    if judged.rendered.failure is not None:
        return judged.rendered.failure.message
    return judged.assessment.message if judged.assessment else None


def _value(dtype: str) -> object:
    from datasets import Value

    return Value(dtype)


def _drawn(spec: Spec) -> dict[str, object]:
    """The column of what images drew of the model's settings, where they draw some."""
    return {columns.SETTINGS: _value("string")} if choices_of(spec.model) else {}


def _looked(spec: Spec) -> dict[str, object]:
    """The columns of what the first steps predicted, where attempts may be stopped then."""
    if not isinstance(early_of(spec), EarlyPlan):
        return {}
    kinds = {columns.EARLY_STEP: "int32", columns.EARLY_SCORE: "float32", columns.EARLY_CONTROL: "bool"}
    return {name: _value(kind) for name, kind in kinds.items()}


def _sourced(spec: Spec) -> dict[str, object]:
    """The columns of the pictures that images began from, where they did."""
    if not spec.source:
        return {}
    return {name: _value("string") for name in (columns.SOURCE_ID, *[columns.SOURCE_LABEL] * (TO_CLASS in spec.to))}


def _taken_over(kept: Mapping[str, str]) -> dict[str, object]:
    """The columns of the pictures that images take over."""
    from datasets import List

    types = {name: kind.removeprefix(LIST_OF) for name, kind in kept.items()}
    return {name: List(_value(kind)) if kind != kept[name] else _value(kind) for name, kind in types.items()}


def _carried(spec: Spec) -> dict[str, object]:
    """The columns of where the object is, where the source says it, or something looks for it."""
    from datasets import Image, List

    found = spec.annotate.named() if spec.annotate is not None else {}
    kinds: dict[str, object] = {columns.BOXES: List(List(_value("float32")))} if spec.has_boxes else {}
    if spec.source and spec.source.mask:
        kinds[columns.MASK] = Image()
    if "boxes" in found:
        kinds[columns.BOX_SCORES] = List(_value("float32"))
    if "masks" in found:
        kinds |= {columns.MASKS: List(Image()), columns.MASK_SCORES: List(_value("float32"))}
    return kinds


def _measured(spec: Spec, score_names: Sequence[str]) -> dict[str, object]:
    scores: dict[str, object] = {columns.score(name): _value("float32") for name in score_names}
    for name, attribute in spec.attributes.items():
        scores[columns.attribute(name)] = _value("string")
        scores[columns.posteriors(name)] = {answer: _value("float32") for answer in attribute.groups}
    return scores


def _settings(judged: Judged) -> dict[str, object]:
    drawn = judged.rendered.candidate.settings
    return {columns.SETTINGS: _json(drawn)} if drawn else {}


def _early(judged: Judged) -> dict[str, object]:
    look = judged.rendered.early
    if look is None:
        return {}
    found = {columns.EARLY_STEP: look.step, columns.EARLY_SCORE: look.score, columns.EARLY_CONTROL: look.control}
    return {**found}


def _source(judged: Judged) -> dict[str, object]:
    candidate = judged.rendered.candidate
    found = {columns.SOURCE_ID: candidate.source, columns.SOURCE_LABEL: candidate.source_label}
    there: dict[str, object] = {name: value for name, value in found.items() if value is not None}
    return there | values_of(candidate.kept)


def _object(judged: Judged) -> dict[str, object]:
    """Where the object is on the image."""
    found = judged.rendered.carried
    if found is None:
        return {}
    name = judged.rendered.candidate.id
    return {
        columns.BOXES: [[*box] for box in found.boxes],
        columns.MASK: None if found.mask is None else _image(name, found.mask),
        columns.BOX_SCORES: [*found.scores],
        columns.MASKS: [_image(f"{name}-{number}", mask) for number, mask in enumerate(found.masks)],
        columns.MASK_SCORES: [*found.mask_scores],
    }


def _measurements(judged: Judged) -> dict[str, object]:
    if judged.assessment is None:
        return {}
    assessment = judged.assessment

    return {
        **{columns.score(name): value for name, value in assessment.scores.items()},
        **{columns.attribute(name): value for name, value in assessment.attributes.items()},
        **{columns.posteriors(name): dict(values) for name, values in assessment.posteriors.items()},
    }


def _image(id_: str, png: bytes) -> StoredImage:
    return {"bytes": png, "path": f"{id_}.png"}


def _json(named: tuple[tuple[str, str | int | float], ...]) -> str:
    return json.dumps(dict(named), ensure_ascii=False)
