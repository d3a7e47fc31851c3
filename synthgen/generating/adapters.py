"""Adapters in a loaded pipeline: put in once, and turned on and off for the images that they are meant for."""

from collections.abc import Sequence

from diffusers import DiffusionPipeline
from torch import nn

from synthgen.errors import ModelError, first_line
from synthgen.generating.heard import heard
from synthgen.models.adapters import AdapterFile
from synthgen.models.device import device_error
from synthgen.models.door_adapters import open_adapter
from synthgen.records import Candidate

Setting = tuple[tuple[str, float], ...]
"""The adapters that act on an image, by their names in the pipeline, with their weights."""

_UNREAD = ("unexpected keys", "were not used")
"""What diffusers warns of where it leaves a part of an adapter out."""
_FACTORS = ("lora_", "lokr_", "hada_", "oft_")


class Adapters:
    """The adapters of a spec, and the pipeline that carries them."""

    def __init__(self, files: Sequence[AdapterFile]) -> None:
        self._files = tuple(files)
        self._set: Setting | None = None
        self._loaded = False

    def __len__(self) -> int:
        return len(self._files)

    def load(self, pipeline: DiffusionPipeline) -> None:
        """Put every adapter into the pipeline, turned off; once, for all pipelines that share its parts.

        Raises:
            ModelError: one does not fit, in whole or in part.
            DeviceError: memory ran out.
        """
        if self._loaded:
            return
        self._loaded = True
        for index, file in enumerate(self._files):
            spec = file.spec
            token = spec.trigger if spec.kind == "textual_inversion" else None
            try:
                with heard() as said:
                    open_adapter(pipeline, file.path, name=_name(index), token=token)
            except Exception as error:  # libraries raise whatever a strange file leads them to
                raise device_error(error, f"loading adapter {spec.id}") or _unfit(file, first_line(error)) from error
            if left := next((text for text in said if _leaves_out(text)), None):
                raise _unfit(file, first_line(ValueError(left))[:300])
            if token is None and not any(_name(index) in names for names in pipeline.get_list_adapters().values()):
                raise _unfit(file, "the model has none of the layers that it changes")
        if self._loras():
            _as_precise(pipeline)
            self.use(pipeline, ())

    def groups(self, candidates: Sequence[Candidate]) -> list[tuple[Setting, list[int]]]:
        """Divide a batch by the adapters that act; each group has the places of its candidates."""
        found: dict[Setting, list[int]] = {}
        for place, candidate in enumerate(candidates):
            found.setdefault(self._setting(candidate), []).append(place)
        return list(found.items())

    def use(self, pipeline: DiffusionPipeline, setting: Setting) -> None:
        """Let these adapters act from now on, and no others."""
        if setting == self._set or not self._loras():
            return
        if setting:
            pipeline.enable_lora()
            pipeline.set_adapters([name for name, _ in setting], [weight for _, weight in setting])
        else:
            pipeline.disable_lora()
        self._set = setting

    def provenance(self) -> dict[str, str]:
        """What the records of a run say of each adapter."""
        return {
            f"adapter.{file.spec.label}": file.spec.described(
                file.revision, file.license, str(file.tuned) if file.tuned else None
            )
            for file in self._files
        }

    def _setting(self, candidate: Candidate) -> Setting:
        return tuple(
            (_name(index), file.spec.weight)
            for index, file in self._loras()
            if file.spec.acts(candidate.class_name, candidate.variables)
        )

    def _loras(self) -> list[tuple[int, AdapterFile]]:
        return [(index, file) for index, file in enumerate(self._files) if file.spec.kind == "lora"]


def _name(index: int) -> str:
    return f"adapter_{index}"


def _unfit(file: AdapterFile, why: str) -> ModelError:
    hint = "Choose an adapter that was made for this model."
    return ModelError(f"adapter {file.spec.id} ({file.path.name}) cannot be put into the model: {why}", hint=hint)


def _leaves_out(warning: str) -> bool:
    """Whether a warning says that a part of an adapter has no place in the model, or the denoiser nothing of it."""
    if "No LoRA keys associated" in warning:
        return "Text" not in warning and "Encoder" not in warning  # most adapters leave text encoders as they are
    return any(words in warning for words in _UNREAD)


def _as_precise(pipeline: DiffusionPipeline) -> None:
    """Give the weights of adapters the format of the model's: files have them in half precision."""
    for part in pipeline.components.values():
        if isinstance(part, nn.Module) and hasattr(part, "dtype"):
            for name, weight in part.named_parameters():
                if any(factor in name for factor in _FACTORS) and weight.dtype != part.dtype:
                    weight.data = weight.data.to(part.dtype)  # type: ignore[arg-type] # a dtype
            part.requires_grad_(False)
