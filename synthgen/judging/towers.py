"""A judge's two towers, which turn pictures and texts into embeddings: loaded on first use."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthgen.models.device import open_device

if TYPE_CHECKING:
    from PIL.Image import Image

    from synthgen.judging.clip import Clip


class ClipEncoder:
    """A judge's embeddings of pictures and texts, without its verdicts.

    Args:
        locate: gives the judge's id, as `Clip` takes it; called when the judge is loaded, since it may download.
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.

    Raises:
        ModelError: on first use: the judge cannot be loaded.
    """

    def __init__(self, locate: Callable[[], str], device: str) -> None:
        self._locate, self._device = locate, device

    @cached_property
    def _clip(self) -> "Clip":
        from synthgen.judging.clip import Clip

        return Clip(self._locate(), open_device(self._device))

    @property
    def logit_scale(self) -> float:
        return self._clip.logit_scale

    def embed_pictures(self, pictures: Sequence["Image"]) -> NDArray[np.float32]:
        """Unit embeddings [n, width] of RGB pictures, each of its own size; at least one."""
        return _array(self._clip.embed_pictures(_pixels(pictures)))

    def map_pictures(self, pictures: Sequence["Image"]) -> NDArray[np.float32] | None:
        """As `Clip.map_pictures`, of RGB pictures."""
        maps = self._clip.map_pictures(_pixels(pictures))
        return None if maps is None else _array(maps)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit embeddings [n, width]; at least one."""
        return _array(self._clip.embed_texts(texts))


def _pixels(pictures: Sequence["Image"]) -> list[Tensor]:
    return [torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) for picture in pictures]


def _array(embedded: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = embedded.float().cpu().numpy()
    return found
