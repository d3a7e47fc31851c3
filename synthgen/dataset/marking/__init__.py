"""What an image says of itself: XMP that names it synthetic, and a signature over it."""

from synthgen.dataset.marking.mark import ImageFacts, hand_on, mark, read_mark

__all__ = ["ImageFacts", "hand_on", "mark", "read_mark"]
