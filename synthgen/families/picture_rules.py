"""What a family of pipelines does with the pictures that it edits, and neither its signature nor its JSON tells."""

from dataclasses import dataclass
from enum import StrEnum


class ImageGuidance(StrEnum):
    """When `image_guidance_scale`, guidance towards the picture that is edited, acts."""

    GUIDED = "guided"
    """Beside the usual guidance only, and from 1 on."""
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRules:
    """What pipelines do with the pictures that they edit.

    Attributes:
        shared: whether every image of a batch sees all the pictures that are given.
        guidance: when guidance towards the picture acts.
        in_unet: whether their UNet takes the latents of a picture beside those of the image.
        least: the shortest side of a picture that they take, in pixels.
        longest: how many times as long as wide a picture may be, or as wide as long; None for any.
    """

    shared: bool = False
    guidance: ImageGuidance = ImageGuidance.NEVER
    in_unet: bool = False
    least: int = 1
    longest: float | None = None
