"""The JSON Schema of tune.json."""

from __future__ import annotations

from collections.abc import Mapping

from synthgen.tuning.document import FORMAT
from synthgen.tuning.settings import LAYERS

_Schema = Mapping[str, object]
_TEXT: _Schema = {"type": "string"}
_NUMBER: _Schema = {"type": "number"}
_COUNT: _Schema = {"type": "integer", "minimum": 0}
_ABOVE_ZERO: _Schema = {"type": "integer", "minimum": 1}
_SHARE: _Schema = {"type": "number", "minimum": 0, "maximum": 1}
_SHA256: _Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def tune_schema() -> dict[str, object]:
    """Return the JSON Schema of tune.json, which is also the result of `tune`."""
    properties: dict[str, object] = {
        "format": {"const": FORMAT},
        "synthgen": _TEXT,
        "identity": {
            **_object({"model": _TEXT, "revision": _TEXT, "images": _SHA256, **_settings()}),
            "description": "What a tuning must have in common with one that goes on with it; the images as one hash.",
        },
        "base": _object({"model": _TEXT, "revision": _TEXT, "pipeline": _TEXT}),
        "adapter": {
            **_object({"file": _TEXT, "sha256": _SHA256, "kind": {"enum": ["lora", "textual_inversion"]}}),
            "description": "The token of a textual inversion is in `token`.",
        },
        "images": _object(
            {
                "count": _COUNT,
                "classes": _by_name(_ABOVE_ZERO),
                "files": _list(
                    _object({"class": _TEXT, "sha256": _SHA256, "use": {"enum": ["training", "held out"]}}),
                ),
                "left_out": {**_by_name(_ABOVE_ZERO), "description": "How many could not be used, by reason."},
                "licence": {**_maybe(_TEXT), "description": "The note on their licence."},
            }
        ),
        "settings": _object(_settings()),
        "losses": {
            **_list(_object({"step": _COUNT, **dict.fromkeys(("training", "held_out", "prior"), _maybe(_NUMBER))})),
            "description": "After so many steps, the first time after none: the mean loss since the entry before, that "
            "of held-out images, and that of images that the model drew before it was tuned.",
        },
        "prior": {
            **_list(_object({"class": _TEXT, "sha256": _SHA256})),
            "description": "The images that the model drew before it was tuned, and learnt again.",
        },
        "best_step": {**_COUNT, "description": "After how many steps the weights were that are kept."},
        "memorisation": _maybe(_memorisation()),
        "made_with": {
            **_object({"device": _TEXT, "precision": _TEXT}),
            "description": "And the versions of libraries, by name.",
            "additionalProperties": _TEXT,
        },
        "seconds": _NUMBER,
    }

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "synthgen tuning",
        **_object(properties),
    }


def _settings() -> dict[str, object]:
    return {
        "rank": {**_ABOVE_ZERO, "description": "Of the LoRA; its alpha is the same number."},
        "layers": {"enum": sorted(LAYERS)},
        "steps": _ABOVE_ZERO,
        "batch_size": _ABOVE_ZERO,
        "learning_rate": _NUMBER,
        "size": {**_ABOVE_ZERO, "description": "Width and height of the images in pixels."},
        "validation_share": _SHARE,
        "every": {**_ABOVE_ZERO, "description": "After how many steps each the loss is measured."},
        "seed": _COUNT,
        "prompts": {**_by_name({**_list(_TEXT), "minItems": 1}), "description": "By class."},
        "prior": {**_COUNT, "description": "How many images the model draws before it is tuned, and learns again."},
        "prior_weight": {**_NUMBER, "description": "Of the loss of these."},
        "word": {
            **_maybe(_object({"class_name": _TEXT, "token": _TEXT})),
            "description": "What was learnt instead of a LoRA, which then has no rank and no layers.",
        },
    }


def _memorisation() -> dict[str, object]:
    pair = {
        "image": {**_COUNT, "description": "The number of the drawn image."},
        "training": {**_COUNT, "description": "The place of the training image among those that train."},
        "cosine": _NUMBER,
        "bits": {"type": "integer", "minimum": 0, "maximum": 256},
        "is_near": {"type": "boolean"},
    }

    return _object(
        {
            "images": _ABOVE_ZERO,
            "near": {**_COUNT, "description": "How many are nearer to a training image than those are to each other."},
            "copies": {**_COUNT, "description": "How many are copies by their hashes."},
            "cosine": {**_NUMBER, "description": "The largest between two different training images."},
            "untuned_near": {**_COUNT, "description": "Of as many that the model drew before it was tuned."},
            "held_out": _COUNT,
            "held_out_near": _COUNT,
            "pairs": {**_list(_object(pair)), "description": "The nearest, the nearest first."},
            "share": _SHARE,
            "judge": _TEXT,
            "judge_revision": _TEXT,
        }
    )


def _object(properties: _Schema) -> dict[str, object]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _list(items: _Schema) -> dict[str, object]:
    return {"type": "array", "items": dict(items)}


def _by_name(values: _Schema) -> dict[str, object]:
    return {"type": "object", "additionalProperties": dict(values)}


def _maybe(schema: _Schema) -> dict[str, object]:
    return {"anyOf": [dict(schema), {"type": "null"}]}
