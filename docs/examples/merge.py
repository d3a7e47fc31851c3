"""Join a synthetic dataset with an image folder of your own, by the name of the class.

Usage: `python merge.py real outputs/trades/dataset merged`

`real` has a subfolder with images for each class. What is written to `merged` opens with `datasets.load_from_disk`.
"""

import sys

from datasets import Value, concatenate_datasets, load_dataset


def main(real_folder: str, dataset: str, merged_folder: str) -> None:
    real = load_dataset("imagefolder", data_dir=real_folder, split="train")
    synthetic = load_dataset(dataset, split="train").select_columns(["image", "class"])

    # This looks up each name. The numbers of the two sets differ, and a class that the real one lacks is an error.
    by_name = synthetic.rename_column("class", "label").cast_column("label", real.features["label"])
    parts = [
        part.add_column("source", [source] * len(part)).cast_column("source", Value("string"))
        for part, source in ((real, "real"), (by_name, "synthetic"))
    ]
    merged = concatenate_datasets(parts)
    merged.save_to_disk(merged_folder)
    print(f"{len(real)} real and {len(by_name)} synthetic images of {', '.join(merged.features['label'].names)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
