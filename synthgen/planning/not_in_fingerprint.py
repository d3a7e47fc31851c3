"""The keys of a spec that decide nothing about the images: a plan's fingerprint leaves them out."""

from collections.abc import Mapping

_FINALIZED = "applied when the dataset is finalized, to images that are there"
NOT_IN_FINGERPRINT: Mapping[str, str] = {
    "model.batch_size": "changes speed; the candidates and their noise are the same",
    "model.offload": "decides where weights wait, not what is computed with them",
    "model.vae_slicing": "changes how many images are decoded at once",
    "model.compile": "changes speed; numbers differ in their last bits, as between devices",
    "output.format": _FINALIZED,
    "output.format_options": _FINALIZED,
    "output.image": _FINALIZED,
    "output.splits": _FINALIZED,
    "output.near": _FINALIZED,
    "output.together": _FINALIZED,
    "output.against": _FINALIZED,
    "output.surplus": "decides which pixels are kept, not which images are made",
    "source.dataset": "the plan has the sha256 of every picture, wherever the set lies now",
    "reference.image": "the plan has the sha256 of the picture, wherever it lies now",
    "gates": "applied when the dataset is audited",
    "metadata": "shown in the dataset's card",
}
"""The keys of a spec that may change between a run and its resumption, and why they may."""
