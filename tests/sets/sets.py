"""Small sets of images, as tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {"skin": ("light", "medium", "dark"), "hair": ("short", "long")}


def of_counts(counts: Mapping[str, Mapping[str, int]], attribute: str = "skin") -> pd.DataFrame:
    """Images by class and answer; no prompts."""
    rows = [
        {"label": label, attribute: answer}
        for label, answers in counts.items()
        for answer, count in answers.items()
        for _ in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["label", attribute])
    return frame.assign(id=[f"{row:05}" for row in range(len(frame))])


def random_set(
    images: int, seed: int = 0, prompts: int = 20, classes: Sequence[str] = ("chef", "doctor")
) -> pd.DataFrame:
    """Both attributes, a tenth unknown, and so many prompts in each class."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"{row:06}" for row in range(images)], "label": rng.choice(list(classes), images)})
    frame["prompt"] = frame["label"] + " " + pd.Series(rng.integers(0, prompts, images).astype(str))
    for name, values in ATTRIBUTES.items():
        shares = np.append(rng.dirichlet(np.full(len(values), 5)) * 0.9, 0.1)
        frame[name] = rng.choice([*values, "unknown"], images, p=shares)
    return frame
