"""YAML -> `Spec`: what the user wants, checked, with every problem as `file:line:column: message`."""

from synthgen.errors import Problem
from synthgen.spec.adapters import BUNDLED_ADAPTERS, AdapterSpec
from synthgen.spec.annotate import ANNOTATOR_TEXT, BUNDLED_READER, AnnotateSpec, Annotator
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
from synthgen.spec.class_spec import ClassSpec
from synthgen.spec.components import ComponentSpec
from synthgen.spec.control import BUNDLED_CONTROLS, ControlSpec
from synthgen.spec.declared import Declared
from synthgen.spec.filters import (
    CALIBRATED,
    OWN_SCORES,
    ClipFilter,
    DuplicateFilter,
    Filters,
    LabelFilter,
    MeasureFilter,
    QualityFilter,
)
from synthgen.spec.fixed import (
    FixedModel,
    SettingValues,
    choices_of,
    combinations,
    each_of,
    fixed,
    in_words,
    mean_steps,
    on_one_line,
    sizes_of,
    variants_of,
)
from synthgen.spec.memory import CacheSpec, QuantizationSpec
from synthgen.spec.model import BUNDLED_JUDGE, BUNDLED_MODEL, DEFAULT_JUDGE, PLUGIN, JudgeSpec, ModelSpec
from synthgen.spec.output import Budget, LabelsLike, Output, PictureEncoding, Rejects
from synthgen.spec.own_formats import OWN_FORMATS, PARQUET
from synthgen.spec.prompting import Filled, PromptSpace, spaces_of
from synthgen.spec.reader import checked, parse_spec, read_declared, read_spec, refusal, text_of_file
from synthgen.spec.reference import ReferenceSpec
from synthgen.spec.region import CanvasSpec, MarginsSpec, RegionSpec
from synthgen.spec.schema import json_schema
from synthgen.spec.smaller import limited, smaller
from synthgen.spec.source import NO_CHANGES, Settings, SpecText
from synthgen.spec.source_set import TO_CLASS, BoxFormName, SourceSpec
from synthgen.spec.spec import Prompts, Spec
from synthgen.spec.spelling import alike, difference, folded
from synthgen.spec.splits import REST, AgainstSpec, NearRule, Splits, SplitSize, size_in_words
from synthgen.spec.starter import starter_spec
from synthgen.spec.template import Template, TemplateError, Variable
from synthgen.spec.text import MAX_BYTES, decoded
from synthgen.spec.then import REFINE, STRENGTH, UPSCALE, ThenSpec, enlarged, enlarged_choice, final_sizes, stage_name

__all__ = [
    "ANNOTATOR_TEXT",
    "ASIDE",
    "BUNDLED_ADAPTERS",
    "BUNDLED_CONTROLS",
    "BUNDLED_JUDGE",
    "BUNDLED_MODEL",
    "BUNDLED_READER",
    "CALIBRATED",
    "DEFAULT_JUDGE",
    "MAX_BYTES",
    "NOT_APPLICABLE",
    "NO_CHANGES",
    "OWN_FORMATS",
    "OWN_SCORES",
    "PARQUET",
    "PLUGIN",
    "REFINE",
    "RESERVED",
    "REST",
    "STRENGTH",
    "TO_CLASS",
    "UNKNOWN",
    "UPSCALE",
    "AdapterSpec",
    "AgainstSpec",
    "AnnotateSpec",
    "Annotator",
    "Attribute",
    "Balance",
    "BoxFormName",
    "Budget",
    "CacheSpec",
    "CanvasSpec",
    "ClassSpec",
    "ClipFilter",
    "ComponentSpec",
    "ControlSpec",
    "Declared",
    "DuplicateFilter",
    "Filled",
    "Filters",
    "FixedModel",
    "GateSpec",
    "JudgeSpec",
    "LabelFilter",
    "LabelsLike",
    "MarginsSpec",
    "MeasureFilter",
    "ModelSpec",
    "NearRule",
    "Output",
    "PictureEncoding",
    "Problem",
    "PromptSpace",
    "Prompts",
    "QualityFilter",
    "QuantizationSpec",
    "ReferenceSpec",
    "RegionSpec",
    "Rejects",
    "SettingValues",
    "Settings",
    "SourceSpec",
    "Spec",
    "SpecText",
    "SplitSize",
    "Splits",
    "Template",
    "TemplateError",
    "ThenSpec",
    "Variable",
    "Violation",
    "alike",
    "checked",
    "choices_of",
    "combinations",
    "crossed_parts",
    "decoded",
    "difference",
    "each_of",
    "enlarged",
    "enlarged_choice",
    "final_sizes",
    "fixed",
    "folded",
    "in_words",
    "json_schema",
    "limited",
    "mean_steps",
    "on_one_line",
    "parse_spec",
    "read_declared",
    "read_spec",
    "refusal",
    "size_in_words",
    "sizes_of",
    "smaller",
    "spaces_of",
    "stage_name",
    "starter_spec",
    "text_of_file",
    "variants_of",
]
