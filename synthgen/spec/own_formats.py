"""The formats that are part of synthgen, by name. Their table is in `dataset/formats/opening.py`."""

PARQUET = "parquet"
"""What a dataset is written in if its spec names nothing else."""
OWN_FORMATS = (PARQUET, "hf", "webdataset", "imagefolder", "coco", "yolo")
