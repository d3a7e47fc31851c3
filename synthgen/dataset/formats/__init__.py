"""How a dataset is written: one file for each format, and what a format of your own needs."""

from synthgen.dataset.formats.format import FormatWriter, Manifest, WrittenSplit
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection

__all__ = ["FormatWriter", "Manifest", "SelectedImages", "Selection", "WrittenSplit"]
