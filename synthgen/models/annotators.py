"""The models of transformers that find boxes or masks, by their types."""

GROUNDED = ("grounding-dino", "mm-grounding-dino")
"""Detectors that read a sentence, in lower case and with a full stop."""
MODEL_TYPES = {"boxes": ("owlv2", "owlvit", *GROUNDED), "masks": ("sam2", "sam2_video")}
"""By key of `annotate`. SAM 2's own files say that it is for video; its part for images is what is opened."""
