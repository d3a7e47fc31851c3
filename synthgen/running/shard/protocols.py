"""What the worker asks of the rooms that it does not import."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from synthgen.records import Assessment, Candidate, Rendered
from synthgen.records.begun import Begun


class Generator(Protocol):
    """Renders candidates. Models are loaded by `setup`, once per process, never by the constructor.

    A device that breaks for good is reported as `DeviceLost`: its process is then replaced, and its shard given to
    another one. The worker recognises torch's own errors of that kind too, by
    `synthgen.models.device.is_device_fault`.
    Whatever else `setup` or the first `render` raises ends the run.

    It may have an attribute `overlaps`: whether a batch may be rendered on one thread while the last one is judged on
    another. Without it, that is done if its images lie on a GPU of CUDA or ROCm. Calls of `render` never overlap.
    """

    @property
    def batch_size(self) -> int:
        """The batch size that runs best here; at most the plan's window."""

    def setup(self) -> None:
        """Load the models. Called again, it does nothing."""

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Make one `Rendered` per candidate, in order. A candidate's noise depends on its seed alone.

        Raises:
            ModelError, DeviceError: nothing can be rendered at all. What fails for one candidate is its
                `Failure`.
        """

    def provenance(self) -> Mapping[str, str]:
        """Model, revision, device, dtype, library versions: what is needed to explain the pixels."""


@runtime_checkable
class EarlyGenerator(Generator, Protocol):
    """A generator that can leave images after a few steps. Begun and finished, they are what `render` gives."""

    def begin(self, candidates: Sequence[Candidate], steps: int) -> list[Begun]:
        """Make the first steps of a batch, in order.

        Raises:
            CannotLeaveError: the model cannot do this.
            ModelError, DeviceError: see `render`.
        """

    def finish(self, begun: Sequence[Begun]) -> list[Rendered]:
        """Finish a batch, in order. Its images may have been begun in several. `seconds` are those of this call.

        Raises:
            ModelError, DeviceError: see `render`.
        """


class Judge(Protocol):
    """Measures images and says which rule rejects them."""

    @property
    def score_names(self) -> tuple[str, ...]:
        """The scores that every assessment has: the ledger's `score_*` columns. Known before `setup`."""

    def setup(self) -> None:
        """Load the models. Called again, it does nothing."""

    def begin_shard(self) -> None:
        """Forget the images seen so far: duplicates are looked for within a shard."""

    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        """Make one assessment per image, in order. Called in attempt order, with images only, never failures."""

    def provenance(self) -> Mapping[str, str]: ...
