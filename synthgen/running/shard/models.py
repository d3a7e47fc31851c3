"""The models of one worker: set up once, and proved by their first batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from synthgen.errors import SynthgenError, cause_of
from synthgen.running.failures import failed_for
from synthgen.running.shard.protocols import Generator, Judge


@dataclass(slots=True)
class Models:
    """A generator and a judge, and whether they have been loaded and have made a batch.

    Attributes:
        location: the run whose `failed/` keeps tracebacks; None where nothing is kept.
        never_early: why the generator cannot leave images after a few steps; None while it can, or was not asked.
    """

    generator: Generator
    judge: Judge
    location: str | None = None
    never_early: str | None = None
    _ready: bool = False
    _proved: bool = False

    @property
    def proved(self) -> bool:
        """Whether they have made a batch."""
        return self._proved

    def set_up(self) -> None:
        """Load both, once.

        Raises:
            SynthgenError: whatever went wrong, nothing can be made.
        """
        if self._ready:
            return
        with self.ending("setting up the models"):
            self.generator.setup()
            self.judge.setup()
        self._ready = True

    @contextmanager
    def batch(self, doing: str, *, proves: bool = True) -> Iterator[None]:
        """Distinguish what ends everything from what ends a shard, while a batch is rendered, judged and kept.

        Args:
            proves: the batch is rendered, and not taken from a journal.

        Raises:
            DeviceLost, DeviceError: the device broke, or memory ran out.
            ModelError: something else ended the very first batch, and would end every other one too.
        """
        from synthgen.models.device import device_errors

        with device_errors(doing) if self._proved else self.ending(f"{doing}, in the first batch"):
            yield
        self._proved = self._proved or proves

    @contextmanager
    def ending(self, doing: str) -> Iterator[None]:
        """Raise whatever unforeseen happens in the block as an error that ends all work.

        Raises:
            ModelError, DeviceError: with the cause's first line.
        """
        from synthgen.models.device import device_error  # with torch, which the models have loaded by then

        try:
            yield
        except SynthgenError:
            raise
        except Exception as error:
            cause = cause_of(error)
            unforeseen = failed_for(f"{doing} failed: {cause}", self.location, [cause])
            raise device_error(error, doing) or unforeseen from error
