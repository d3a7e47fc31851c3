"""How each family of diffusers' pipelines wants to be called. Reads JSON and source: imports neither it nor torch."""

from synthgen.families.call import PipelineCall, keys_that_differ
from synthgen.families.check import checked_call, own_size
from synthgen.families.control import ControlRoles
from synthgen.families.controlling import control_problems
from synthgen.families.interval import guidance_argument, steps_between, switchable
from synthgen.families.recorded import as_text, recorded_call, recorded_settings
from synthgen.families.resolve import call_of, not_from_text
from synthgen.families.stages import Stage, stage_of
from synthgen.families.table import PINNED, Guidance
from synthgen.families.tasks import CONTROL, TEXT_TO_IMAGE

__all__ = [
    "CONTROL",
    "PINNED",
    "TEXT_TO_IMAGE",
    "ControlRoles",
    "Guidance",
    "PipelineCall",
    "Stage",
    "as_text",
    "call_of",
    "checked_call",
    "control_problems",
    "guidance_argument",
    "keys_that_differ",
    "not_from_text",
    "own_size",
    "recorded_call",
    "recorded_settings",
    "stage_of",
    "steps_between",
    "switchable",
]
