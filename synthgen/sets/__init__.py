"""From any labelled set of images to a table of its labels, and its images a few at a time."""

from synthgen.sets.aside import aside_of
from synthgen.sets.frame import CLUSTER, PREDICTED, SAME_FILE, read_frame
from synthgen.sets.image_set import ImageSet
from synthgen.sets.opening import SetSource, open_set
from synthgen.sets.pictures import decode, thumbnail
from synthgen.sets.remote import allowing_remote

__all__ = [
    "CLUSTER",
    "PREDICTED",
    "SAME_FILE",
    "ImageSet",
    "SetSource",
    "allowing_remote",
    "aside_of",
    "decode",
    "open_set",
    "read_frame",
    "thumbnail",
]
