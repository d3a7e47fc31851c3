"""The built-in generator: it renders batches of candidates with a diffusers pipeline."""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from synthgen.errors import ModelError
from synthgen.families import TEXT_TO_IMAGE, as_text, checked_call, keys_that_differ, recorded_settings
from synthgen.generating.adapters import Adapters
from synthgen.generating.control import Control
from synthgen.generating.decode import (
    as_bytes,
    as_rgb,
    as_tensor,
    broken_rows,
    decode_again,
    decoder_of,
    failure_of,
    images_of,
    output_type_of,
    recorded_calls,
)
from synthgen.generating.fitting import Fitting, check_fit
from synthgen.generating.given import LaidOut, PictureLayout, pasted, pictures_given
from synthgen.generating.pipelines import load
from synthgen.generating.reference import References
from synthgen.generating.sampling import Sampling, largest_size
from synthgen.generating.speeding import Work
from synthgen.models.adapters import AdapterFile
from synthgen.models.device import in_batches, open_device
from synthgen.models.memory import choose_batch_size, choose_dtype
from synthgen.models.source import ModelSource
from synthgen.records import Candidate, Failure, Pictures, Rendered
from synthgen.spec import ControlSpec, FixedModel, ModelSpec, combinations

_OF_CALLS = frozenset(
    (
        *("steps", "guidance"),
        *("guidance_interval", "image_guidance", "embedded_guidance"),
        *("scheduler", "scheduler_config", "negative_prompt"),
        *("max_sequence_length", "clip_skip"),
    )
)
"""The keys of a model that change its calls, and nothing of what is loaded and where it is."""


class Renderer:
    """A `Generator` for any pipeline of diffusers that makes images from text, or from text and pictures.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.
        largest_batch: upper limit of the batch size: the plan's window.
        adapters, controls, references: those of the spec.
        task: what the model is to do, as a spec names it.
        pictures: opens the picture that a candidate begins from, for tasks that begin from pictures.
        layout: how those lie on the images.
        prompts: gives those that will be drawn, with their negative prompts. Where text encoders wait in the CPU's
            memory, all are encoded when the first one is, so that the encoders come to the device once.
        images: how many it is expected to make; 0 for a few.
    """

    def __init__(
        self,
        model: ModelSpec,
        source: ModelSource,
        device: str,
        largest_batch: int,
        adapters: Sequence[AdapterFile] = (),
        task: str = TEXT_TO_IMAGE,
        pictures: Pictures | None = None,
        layout: PictureLayout = PictureLayout(),  # noqa: B008 - it is frozen
        prompts: Callable[[], Sequence[tuple[str, str]]] = tuple,
        controls: Sequence[ControlSpec] = (),
        references: References | None = None,
        images: int = 0,
    ) -> None:
        self._task, self._pictures, self._layout, self._prompts = task, pictures, layout, prompts
        self._adapters, self._controls, self._references = Adapters(adapters), controls, references or References()
        self._model, self._source = model, source
        self._device_name, self._largest_batch, self._images = device, largest_batch, images
        self._pipeline: DiffusionPipeline | None = None
        self._given: Renderer | None = None
        self._there: str | None = None

    def take_over(self, other: "Renderer") -> bool:
        """Use the pipeline of another renderer, which renders no more, at `setup`; return whether it can be.

        It can if both would load the same, onto the same device, and nothing was changed in it for speed or memory.
        """
        one, two = (each._model.model_dump(exclude=set(_OF_CALLS)) for each in (self, other))
        alike = one == two and (self._source, self._device_name) == (other._source, other._device_name)
        plain = (
            self._model.compile == "off" and self._model.cache is None and not self._adapters and not other._adapters
        )
        if alike and plain and other._pipeline is not None and other._fitting.offload == "none":
            self._given = other
        return self._given is not None

    def setup(self) -> None:
        """Load the pipeline, once.

        Raises:
            UsageError: a key that the spec sets cannot act.
            DeviceError: the device is missing or breaks, or memory runs out.
            ModelError: it does not do what it is asked to, or its weights cannot be loaded.
        """
        if self._pipeline is not None:
            return
        self.device = open_device(self._device_name)
        self.dtype = choose_dtype(self._model.dtype, self.device)
        self._written = keys_that_differ(self._model)
        self._call = checked_call(self._model, self._source, self._written, self._task, led=bool(self._controls))

        self._control = Control(self._call, self._controls, self._source)
        check_fit(self._model, self.device)

        pipeline = self._loaded()
        self._own_scheduler = getattr(pipeline, "scheduler", None)
        self._adapters.load(pipeline)
        self._references.set_up(pipeline)
        self.height, self.width = largest_size(pipeline, self._model, self._call)
        pixels = self.height * self.width
        work = Work(self._images, pixels, bool(self._adapters or self._controls or self._references))
        self._fitting = Fitting(pipeline, self._model, self.device, self.dtype, work, self._there)

        self._pipeline = pipeline
        ahead = () if self._fitting.offload == "none" else self._prompts()
        self._sampling = Sampling(pipeline, self._model, self._call, self._written, self.device, ahead)
        self._at_once = self._sampling.batch_limit or choose_batch_size(
            self._model.batch_size, pixels, self.device, self._largest_batch
        )
        # Of images that draw their settings, only those with the same ones are made together.
        self.batch_size = min(self._largest_batch, self._at_once * combinations(self._model))
        self._fitting.for_batches(self._at_once)

    def _loaded(self) -> DiffusionPipeline:
        """Load the pipeline, or take over that of another renderer, as it was loaded."""
        other, self._given = self._given, None
        if other is None:
            return load(self._model, self._source, self._call, self.dtype)
        pipeline, other._pipeline = other.pipeline, None
        if other._own_scheduler is not None:
            pipeline.scheduler = other._own_scheduler
        if self.device.type == "cuda":
            torch.cuda.empty_cache()  # so that the batch's size is chosen by the same memory
        return pipeline

    @property
    def pipeline(self) -> DiffusionPipeline:
        """The pipeline as it was set up."""
        assert self._pipeline is not None, "setup comes first"
        return self._pipeline

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Render a batch; see `Generator.render`.

        Images are uint8 [3, height, width] on the device. When memory runs out, the same candidates are rendered in
        batches of half the size, and later ones too, down to one.
        """
        done, self.batch_size = in_batches(
            lambda part: self._render(candidates[part]),
            len(candidates),
            self.batch_size,
            self.device,
            "making",
            f"Images have {self.width} x {self.height} pixels: "
            "set a smaller model.size, or model.dtype: float16 on a GPU.",
        )
        return done

    def _render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Render a batch: those images together on which the same adapters act, and which drew the same settings."""
        assert self._pipeline is not None, "setup comes first"
        found: dict[int, Rendered] = {}
        for setting, places in self._adapters.groups(candidates):
            self._adapters.use(self._pipeline, setting)
            for drawn, alike in self._sampling.groups(candidates, places, self._at_once):
                made = self._render_alike([candidates[one] for one in alike], self._sampling.use(drawn))
                found |= zip(alike, made, strict=True)
        return [found[one] for one in range(len(candidates))]

    @torch.inference_mode()
    def _render_alike(self, candidates: Sequence[Candidate], settings: FixedModel) -> list[Rendered]:
        began = time.perf_counter()
        laid_out = [self._laid_out(one, settings) for one in candidates]
        ready = [
            (one, place) for one, place in zip(candidates, laid_out, strict=True) if not isinstance(place, Failure)
        ]
        try:
            made = iter(self._draw(self._fitting.padded(ready), settings) if ready else ())
        except (RuntimeError, MemoryError) as error:
            self._fitting.failed(error)
            raise
        seconds = (time.perf_counter() - began) / len(candidates)
        found = []
        for candidate, place in zip(candidates, laid_out, strict=True):
            image, failure = (None, place) if isinstance(place, Failure) else next(made)
            carried = place.carried if isinstance(place, LaidOut) and failure is None else None
            found.append(Rendered(candidate, image, failure, seconds, len(candidates), carried))
        return found

    def _laid_out(self, candidate: Candidate, settings: FixedModel) -> LaidOut | Failure | None:
        """Lay out the picture that a candidate begins from; None if it begins from noise."""
        if self._pictures is None:
            return None
        height, width = self._sampling.size(settings)
        return self._layout.lay_out(self._pictures(candidate), (width, height))

    def _draw(
        self, batch: Sequence[tuple[Candidate, LaidOut | None]], settings: FixedModel
    ) -> list[tuple[Tensor | None, Failure | None]]:
        """Draw a batch: each image as uint8 [3, height, width], or its failure."""
        candidates, laid_out = [one for one, _ in batch], [place for _, place in batch if place is not None]
        assert self._pipeline is not None, "setup comes first"
        decoder = decoder_of(self._pipeline) if self.dtype != torch.float32 else None
        with recorded_calls(decoder) as calls:
            output = self._run(candidates, laid_out, settings)

        drawn = as_tensor(images_of(output), self.device)
        height, width = self._sampling.size(settings)
        if drawn.shape[-2:] != (height, width):
            made = f"{drawn.shape[-1]} x {drawn.shape[-2]} pixels, not {width} x {height}"
            raise ModelError(f"{self._call.pipeline} made images of {made}", hint="Choose another model.size.")
        images = as_rgb(drawn)
        broken, black = broken_rows(images)
        flagged = list(getattr(output, "nsfw_content_detected", None) or [False] * len(candidates))
        pixels = as_bytes(images)

        # Half precision overflows in some decoders (SDXL's is known for it), which leaves NaN or a black image.
        rows = [row for row in range(len(candidates)) if broken[row] or (black[row] and not flagged[row])]
        again = decode_again(self._pipeline, calls, drawn, rows, flagged) if rows and calls else None
        if again is not None:
            repaired = as_rgb(again[0])
            pixels[rows] = as_bytes(repaired)
            for row, still_broken, withheld in zip(rows, broken_rows(repaired)[0], again[1], strict=True):
                broken[row], flagged[row] = still_broken, withheld
        failures = [failure_of(*facts, self.dtype) for facts in zip(broken, flagged, strict=True)]
        whole = pasted(pixels, laid_out) if laid_out else pixels
        return [(None if fault else image, fault) for image, fault in zip(whole, failures, strict=True)]

    def _run(
        self, candidates: Sequence[Candidate], laid_out: Sequence[LaidOut], settings: FixedModel
    ) -> Any:  # each pipeline has an output class of its own
        assert self._pipeline is not None
        self._fitting.begin(settings.steps)
        with np.errstate(invalid="ignore"):  # a safety checker casts NaN to bytes; `not_finite` reports them
            arguments = self._sampling.arguments(
                settings,
                [candidate.prompt for candidate in candidates],
                [candidate.negative_prompt for candidate in candidates],
            )
            arguments |= pictures_given(self._call, laid_out)
            # A new CPU generator per image: the same noise at any batch size, on any device.
            arguments["generator"] = [torch.Generator().manual_seed(candidate.seed) for candidate in candidates]
            arguments["output_type"] = "np" if self._call.as_arrays else output_type_of(self._pipeline)
            arguments |= self._control.given(laid_out)
            shown = self._references.acting(self._pipeline, len(candidates), laid_out)
            with self._control.acting(self._pipeline), shown as pictures:
                return self._sampling.call(settings, arguments | pictures)

    def provenance(self) -> Mapping[str, str]:
        assert self._pipeline is not None, "setup comes first"

        cuda = self.device.type == "cuda"
        return {
            "model": self._model.id,
            **self._source.facts(),
            "device": torch.cuda.get_device_name(self.device) if cuda else self.device.type,
            "dtype": str(self.dtype).removeprefix("torch."),
            "batch_size": str(min(self._at_once, self.batch_size)),
            "threads": str(torch.get_num_threads()),
            "pipeline": type(self._pipeline).__name__,
            **({"task": self._task, "pictures": self._layout.method} if self._pictures else {}),
            **self._control.provenance(),
            **self._references.provenance(self._source),
            **self._sampling.provenance(),
            **self._parts(),
            "safety_checker": "on" if getattr(self._pipeline, "safety_checker", None) is not None else "off",
            **self._call.facts(self._model),
            **self._fitting.provenance(),
            **self._adapters.provenance(),
            **{name: version(name) for name in ("diffusers", "torch", "transformers")},
        }

    def _parts(self) -> dict[str, str]:
        """Return the parts of the pipeline that are set rather than trained, with their settings."""
        assert self._pipeline is not None, "setup comes first"
        guider = getattr(self._pipeline, "guider", None)
        backbone = getattr(self._pipeline, "transformer", None) or getattr(self._pipeline, "unet", None)
        attention = sorted({type(one).__name__ for one in getattr(backbone, "attn_processors", {}).values()})
        facts = {"attention": ", ".join(attention)}
        if guider is not None:
            facts |= {"guider": type(guider).__name__, "guider_config": as_text(recorded_settings(guider.config))}
        return {name: fact for name, fact in facts.items() if fact}
