"""Which schedulers fit a model, and which of them draw an image the same whatever its batch neighbours are."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from synthgen.families.call import PipelineCall
from synthgen.families.resolve import Read
from synthgen.families.scheduler_settings import KEY, setting_problems
from synthgen.families.signature import NEEDED, arguments_of, is_replaceable

_FLOW = "FlowMatch"
_WHOLE_BATCH = ("DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler")
"""They draw noise for the whole batch from a process of their own."""
_RANDOM = (
    "DDPMScheduler",
    "EulerAncestralDiscreteScheduler",
    "FlowMatchLCMScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "LCMScheduler",
    "SASolverScheduler",
    "TCDScheduler",
)
"""Each of their steps draws noise."""
_STEP = 3
"""What a step gets: the model's output, the time, the sample."""
_STOCHASTIC = "stochastic_sampling"
_PNDM = 4
"""Steps at least: it begins with as many of another method, unless `skip_prk_steps` leaves these out."""
_ALGORITHMS = {"SASolverScheduler": ("data_prediction", "noise_prediction")}
"""Those that it has. It takes over the name of another scheduler's, and fails with it."""
_FOR_NOISE = ("LCMScheduler", "TCDScheduler")
"""They take the place of those in diffusers' lists, and are in none."""


def scheduler_problems(
    call: PipelineCall,
    read: Read,
    wanted: str | None,
    settings: Mapping[str, object] = MappingProxyType({}),
    steps: int | None = None,
) -> Iterator[tuple[str, str]]:
    """Find out why a scheduler cannot be used, or a setting of it: the key of `model`, and why.

    Args:
        wanted: the scheduler that the spec names; None for the model's own.
        settings: those that the spec gives it.
        steps: how many it is to take, if that is known.
    """
    config = read("scheduler/scheduler_config.json")
    own = str(config.get("_class_name", ""))
    if wanted is not None and wanted != own and (why := _unfit(call, own, config, wanted)):
        yield "scheduler", why
        return

    name, key = wanted or own, "scheduler" if wanted else "id"
    if settings and not name:
        yield KEY, "the model has no scheduler of its own to set: name one in model.scheduler"
        return
    if settings and (problems := list(setting_problems(call, name, config, settings))):
        yield from problems
        return
    if settings.get(_STOCHASTIC) is True:
        key = f"{KEY}.{_STOCHASTIC}"
    used = {**config, **settings}
    if name == "PNDMScheduler" and steps is not None and steps < _PNDM and not used.get("skip_prk_steps"):
        yield "steps", f"{name} takes at least {_PNDM} steps, not {steps}"
    algorithm, known = used.get("algorithm_type"), _ALGORITHMS.get(name, ())
    if known and algorithm and algorithm not in known:
        how = " or ".join(map(repr, known))
        yield key, f"{name} has no algorithm_type {algorithm!r}, as {own} has it: set model.{KEY}.algorithm_type, {how}"
    if name in _WHOLE_BATCH:
        yield key, f"{name} draws noise for a whole batch at once: no image could be drawn again alone"
    elif call.seeds_steps is False and (name in _RANDOM or used.get(_STOCHASTIC) is True):
        how = " with stochastic_sampling" if name not in _RANDOM else ""
        what = f"{name}{how} draws noise at each step, and {call.pipeline} does not hand it the images' seeds"
        yield key, f"{what}: an image would depend on its batch"


def _unfit(call: PipelineCall, own: str, config: Mapping[str, object], wanted: str) -> str | None:
    """Return why a scheduler does not fit a model whose own is another; None if it does."""
    timesteps = arguments_of(wanted, "set_timesteps")
    if timesteps is None:
        return f"the installed diffusers has no scheduler {wanted}"
    if "stage_index" in timesteps:
        return f"{wanted} draws in stages, of which {call.pipeline} says nothing"
    if "Inverse" in wanted:
        return f"{wanted} goes from images to noise"
    needed = [name for name, default in (arguments_of(wanted, "step") or {}).items() if default is NEEDED]
    if len(needed) > _STEP:
        return f"{wanted} needs more at each step than {call.pipeline} gives: {', '.join(needed[_STEP:])}"
    if not own:
        return None

    if own.startswith(_FLOW) or config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction":
        takes_over = not own.startswith(_FLOW) and "use_flow_sigmas" in (arguments_of(wanted, "__init__") or ())
        if not wanted.startswith(_FLOW) and not takes_over:
            return f"{wanted} is for models that predict noise; this one predicts a flow, as its own {own}"
        if call.gives_sigmas and "sigmas" not in timesteps:
            return f"{call.pipeline} gives its scheduler noise levels, which {wanted} does not take"
        return None
    if wanted.startswith(_FLOW):
        return f"{wanted} is for models that predict a flow; this one predicts noise, as its own {own}"
    if is_replaceable(own) and not (is_replaceable(wanted) or wanted in _FOR_NOISE):
        return f"diffusers does not list {wanted} among those that may replace {own}"
    return None
