"""YAML -> `Spec`: what the user wants, checked, with every problem as `file:line:column: message`."""

from synthgen.errors import Problem
from synthgen.spec.attribute import (
    ASIDE,
    NOT_APPLICABLE,
    RESERVED,
    UNKNOWN,
    Attribute,
    Balance,
    GateSpec,
    crossed_parts,
)
from synthgen.spec.bare import Violation
from synthgen.spec.declared import Declared
from synthgen.spec.filters import (
    OWN_SCORES,
    ClipFilter,
    DuplicateFilter,
    Filters,
    LabelFilter,
    MeasureFilter,
    QualityFilter,
)
from synthgen.spec.model import BUNDLED_JUDGE, BUNDLED_MODEL, DEFAULT_JUDGE, PLUGIN, JudgeSpec, ModelSpec
from synthgen.spec.output import Budget, Output, Rejects
from synthgen.spec.output_checks import PARQUET
from synthgen.spec.reader import MAX_BYTES, decoded, parse_spec, read_declared, read_spec, read_text, refusal
from synthgen.spec.schema import json_schema
from synthgen.spec.spec import ClassSpec, Prompts, Spec
from synthgen.spec.spelling import alike, difference, folded
from synthgen.spec.starter import starter_spec
from synthgen.spec.template import Template, TemplateError, Variable

__all__ = [
    "ASIDE",
    "BUNDLED_JUDGE",
    "BUNDLED_MODEL",
    "DEFAULT_JUDGE",
    "MAX_BYTES",
    "NOT_APPLICABLE",
    "OWN_SCORES",
    "PARQUET",
    "PLUGIN",
    "RESERVED",
    "UNKNOWN",
    "Attribute",
    "Balance",
    "Budget",
    "ClassSpec",
    "ClipFilter",
    "Declared",
    "DuplicateFilter",
    "Filters",
    "GateSpec",
    "JudgeSpec",
    "LabelFilter",
    "MeasureFilter",
    "ModelSpec",
    "Output",
    "Problem",
    "Prompts",
    "QualityFilter",
    "Rejects",
    "Spec",
    "Template",
    "TemplateError",
    "Variable",
    "Violation",
    "alike",
    "crossed_parts",
    "decoded",
    "difference",
    "folded",
    "json_schema",
    "parse_spec",
    "read_declared",
    "read_spec",
    "read_text",
    "refusal",
    "starter_spec",
]
