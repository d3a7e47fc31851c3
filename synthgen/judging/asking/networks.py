"""What is called of models of transformers and of their processors. Their classes are chosen by their files."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image


class Outputs(Protocol):
    """The answer of a network.

    Attributes:
        logits: of a classifier [n, labels], or of a detector that takes texts [n, boxes, texts].
        pred_boxes: of a detector, centres and sizes in 0..1 [n, boxes, 4].
        pred_masks: of a segmenter, small ones [n, boxes, masks, height, width].
        iou_scores: how well it takes those to fit [n, boxes, masks].
    """

    logits: Tensor
    pred_boxes: Tensor
    pred_masks: Tensor
    iou_scores: Tensor


class Written(Protocol):
    """What a network wrote: the logits [n, tokens] of each written token."""

    logits: Sequence[Tensor]


class TextLimits(Protocol):
    max_position_embeddings: int


class NetworkConfig(Protocol):
    model_type: str
    text_config: TextLimits


class Network(Protocol):
    config: NetworkConfig

    def parameters(self) -> Iterator[Tensor]: ...

    def __call__(self, **inputs: Tensor) -> Outputs: ...

    def generate(self, **given: object) -> Written: ...


class Tokenizer(Protocol):
    padding_side: str
    unk_token_id: int | None

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Mapping[str, list[int]]: ...


class Processor(Protocol):
    tokenizer: Tokenizer

    def __call__(self, *, images: Sequence["Image"], return_tensors: str, **given: object) -> Mapping[str, Tensor]: ...

    def apply_chat_template(self, asked: Sequence[object], *, add_generation_prompt: bool) -> str: ...

    def post_process_object_detection(
        self, found: Outputs, *, threshold: float, target_sizes: Sequence[tuple[int, int]]
    ) -> list[Mapping[str, Tensor]]: ...

    def post_process_grounded_object_detection(
        self, found: Outputs, *, threshold: float, target_sizes: Sequence[tuple[int, int]]
    ) -> list[Mapping[str, Tensor]]: ...

    def post_process_masks(self, masks: Sequence[Tensor], original_sizes: Tensor) -> list[Tensor]: ...


Loaded: TypeAlias = tuple[Network, Mapping[str, Collection[str]]]
"""A network, and by kind what of its weights was missing or did not fit."""
