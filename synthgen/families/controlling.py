"""Which pipeline pictures lead, and what of a spec's controls cannot act."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from synthgen.errors import ModelError
from synthgen.families.control import CONTROLS, ControlRoles
from synthgen.families.tasks import CONTROL
from synthgen.models.part_source import class_of
from synthgen.spec import ControlSpec

_Read = Callable[[str], Mapping[str, object]]

_POOLED = "pooled_projection_dim"
_WIDTHS = (
    "in_channels",
    "block_out_channels",
    "layers_per_block",
    "cross_attention_dim",
    "joint_attention_dim",
    _POOLED,
    "caption_channels",
)
"""Settings that a control model has in common with the denoiser that it leads."""
_MORE = ("extra_conditioning_channels", "extra_condition_channels")
"""What SD3 and Qwen-Image call the channels of a region, beside those of a picture's latents."""


def control_of(read: _Read, named: str, others: Collection[str] = (), task: str = CONTROL) -> ControlRoles:
    """Find the pipeline that a model is led with, by the class of its control models.

    Args:
        read: reads `control.0/config.json` and so on too, of the control models.
        named: the class of the model itself.
        others: classes with the same weights.

    Raises:
        ModelError: nothing leads it, or not what the spec names, or not in that task.
    """
    names = {named, *others}
    known = [row for row in CONTROLS if row.pipeline in names or (row.kind is not None and row.text in names)]
    if not known:
        what = f"model.id: diffusers has no pipeline that leads the weights of {named} by pictures"
        raise ModelError(what, hint="Choose another model, or another task.")
    rows = [row for each in known if (row := each.doing(task)) is not None]
    kinds = dict(_kinds(read))
    if not rows:
        what = f"control: diffusers has no pipeline for {task} in which pictures lead the weights of {named}"
        raise ModelError(what, hint=f"Choose another model, set task: {CONTROL}, or remove control.")

    fits = [row for row in rows if all(kind == row.kind for kind in kinds.values()) and bool(kinds) == bool(row.kind)]
    if fits:
        return fits[0]
    doing = "" if task == CONTROL else f" for {task}"
    by = " or ".join(row.kind or "no other model" for row in rows)
    if not kinds:
        what = f"{named} needs a model that leads it{doing}, {by}: name one in control.0.model"
        raise ModelError(
            f"control.0: {what}", hint="Name the folder or the hub id of one that was made for this model."
        )
    name, kind = next(
        ((name, kind) for name, kind in kinds.items() if kind not in {row.kind for row in rows}),
        list(kinds.items())[-1],
    )
    what = f"it is {kind}, and {named} is led by {by}{doing}"
    if kind in {row.kind for row in rows}:
        what = f"it is {kind}, and another one is {next(iter(kinds.values()))}: all must be of one kind"
    raise ModelError(f"{name}.model: {what}", hint="Choose a control model that was made for this model.")


def _kinds(read: _Read) -> Iterator[tuple[str, str]]:
    """Yield the control models by name, each with its class."""
    for index in range(8):
        config = read(f"control.{index}/config.json")
        if config:
            found = class_of(config)
            yield f"control.{index}", found[1] if found else "a model without a class"


def control_problems(row: ControlRoles, controls: Sequence[ControlSpec], read: _Read) -> Iterator[tuple[str, str]]:
    """Find what cannot act in the controls of a spec: its key, and why."""
    if len(controls) > 1 and row.several is None:
        yield "control.1", f"{row.pipeline} takes one control, and {len(controls)} are given"
    for index, control in enumerate(controls):
        at = f"control.{index}"
        if row.kind is not None and control.model is None:
            yield at, f"{row.pipeline} needs a model that leads it, {row.kind}: name one in {at}.model"
            continue

        if row.weight is None and control.weight != 1:
            yield f"{at}.weight", f"{row.pipeline} takes no weight"
        if control.interval is not None and not row.interval:
            yield f"{at}.interval", f"{row.pipeline} lets it act in all steps"
        yield from ((f"{at}.{key}", why) for key, why in _picture(row, control))
        config = read(f"{at}/config.json") if control.model is not None else {}
        yield from ((f"{at}.mode", why) for why in _mode(row, control, config))
        yield from ((f"{at}.model", why) for why in _unfit(row, config, read))


def _picture(row: ControlRoles, control: ControlSpec) -> Iterator[tuple[str, str]]:
    """Say why the picture that leads is not one that the pipeline takes."""
    if row.fills and control.preprocessor != "masked":
        what = f"{row.pipeline} shows its control model the picture without its region, and no other one"
        yield "preprocessor" if control.column is None else "column", f"{what}: set preprocessor: masked instead"
    elif control.preprocessor == "masked" and not row.masked:
        yield "preprocessor", f"{row.pipeline} leaves no region out of what leads it: show it another picture"


def _mode(row: ControlRoles, control: ControlSpec, config: Mapping[str, object]) -> Iterator[str]:
    """Say why a control's mode cannot act, or why it needs one."""
    kinds = config.get("num_control_type") or config.get("num_mode")
    union = row.mode is not None and isinstance(kinds, int) and kinds > 0
    if control.mode is not None and not union:
        yield f"{control.model} is of one kind: remove it"
    elif union and control.mode is None:
        yield f"{control.model} is of {kinds} kinds: say which one its picture is, as its authors number them"
    elif union and control.mode is not None and isinstance(kinds, int) and control.mode >= kinds:
        yield f"{control.model} has kinds 0 to {kinds - 1}, and no {control.mode}"


def _unfit(row: ControlRoles, config: Mapping[str, object], read: _Read) -> Iterator[str]:
    """Compare the widths of a control model with those of the denoiser."""
    own = read("transformer/config.json") or read("unet/config.json")
    if row.kind == "T2IAdapter":
        mine, theirs = config.get("channels"), own.get("block_out_channels")
        plain = config.get("adapter_type", "full_adapter") == "full_adapter"
        if plain and None not in (mine, theirs) and mine != theirs:
            yield f"its channels are {mine}, and the model's {theirs}"
        return
    yield from _reading(row, config, own)
    widths, base = config.get("base_block_out_channels"), own.get("block_out_channels")  # of a ControlNet-XS
    if None not in (widths, base) and widths != base:
        yield f"its base_block_out_channels are {widths}, and the model's {base}"
        return
    if read("unet/config.json"):  # one that fills regions takes more channels than latents have, and its ControlNet not
        own = {**own, "in_channels": read("vae/config.json").get("latent_channels")}
    for key in _WIDTHS if widths is None else ("cross_attention_dim",):
        if key == _POOLED and row.kind == "HunyuanDiT2DControlNetModel":
            continue  # it pools texts itself
        mine, theirs = config.get(key), own.get(key)
        if None not in (mine, theirs) and mine != theirs:
            yield f"its {key} is {mine}, and the model's is {theirs}"
            return


def _reading(row: ControlRoles, config: Mapping[str, object], own: Mapping[str, object]) -> Iterator[str]:
    """Say why a control model does not read what the pipeline shows it: a region beside the picture, or none."""
    key = next((key for key in _MORE if key in config), None)
    if key is not None and bool(config[key]) != row.fills:
        reads, shows = ("no region", "one") if row.fills else ("a region beside the picture", "none")
        yield f"it reads {reads} (its {key} is {config[key]}), and {row.pipeline} shows it {shows}"
    channels, latents = config.get("control_in_dim"), own.get("in_channels")
    if not isinstance(channels, int) or not isinstance(latents, int) or not row.pipeline.endswith("InpaintPipeline"):
        return
    if channels != (shown := 2 * latents + 1):
        yield f"its control_in_dim is {channels}, and {row.pipeline} shows it {shown}: a region and its picture, too"
