"""A model of transformers that an annotator opens once, before the first image."""

from collections.abc import Callable
from pathlib import Path

from synthgen.judging.asking.opening import OpenedModel, open_asked
from synthgen.models.device import open_device
from synthgen.models.door import ModelKind


class ModelOfImages:
    """What looks at images one by one: what is found on one does not depend on others in its batch.

    Args:
        locate: gives its folder; called by `setup`, since it may download.
    """

    kind: ModelKind
    role: str

    def __init__(self, name: str, locate: Callable[[], Path], device: str) -> None:
        self._name, self._locate, self._device = name, locate, device
        self._opened: OpenedModel | None = None

    def setup(self) -> None:
        """Load the model, once.

        Raises:
            UsageError, ModelError, DeviceError: as `open_asked`.
        """
        if self._opened is None:
            device = open_device(self._device)
            self._opened = open_asked(
                self._name, self._locate(), self.kind, ModelKind.PROCESSOR, device, role=self.role
            )

    @property
    def opened(self) -> OpenedModel:
        assert self._opened is not None, "it is set up"
        return self._opened
