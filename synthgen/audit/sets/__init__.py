"""Any labelled set of images -> a table of its labels, and its images a few at a time."""

from synthgen.audit.sets.frame import read_frame
from synthgen.audit.sets.image_set import ImageSet
from synthgen.audit.sets.opening import open_set
from synthgen.audit.sets.pictures import decode, thumbnail

__all__ = ["ImageSet", "decode", "open_set", "read_frame", "thumbnail"]
