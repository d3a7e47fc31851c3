"""The control models that a spec names: where they are, and whether they can act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthgen import bundled
from synthgen.errors import UsageError
from synthgen.spec import ComponentSpec, Spec

if TYPE_CHECKING:
    from synthgen.families import PipelineCall
    from synthgen.models import ModelSource


def control_models(spec: Spec) -> tuple[ComponentSpec | None, ...]:
    """Return where the control models of a spec are, in their order; None for a control without one."""
    return tuple(
        None if control.model is None else control.component(str(bundled.CONTROLS.get(control.model, control.model)))
        for control in spec.control
    )


def check_controls(spec: Spec, call: PipelineCall, source: ModelSource) -> None:
    """Refuse controls that cannot act. No weights are read.

    Raises:
        UsageError: one cannot act, or a package is missing; every one is named.
    """
    from importlib.util import find_spec

    from synthgen.families import control_problems

    if call.control is None:
        return
    problems = [f"{key}: {why}" for key, why in control_problems(call.control, spec.control, source.read_json)]
    if any(control.preprocessor == "canny" for control in spec.control) and find_spec("cv2") is None:
        problems.append("control: canny needs the package opencv-python-headless: pip install opencv-python-headless")
    if problems:
        hint = "Remove what the model does not take, or choose a control model that was made for it."
        raise UsageError("\n".join(problems), hint=hint)
