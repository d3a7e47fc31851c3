"""How many distinct pictures a model makes of one prompt: Vendi scores at equal numbers of images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from synthgen.stats.estimates import ALPHA, Estimate, Floats, estimate
from synthgen.stats.search import Vectors
from synthgen.stats.spread import draws, spectrum, vendi

MOST_AT_ONCE = 8
"""Scores are of at most this many images: what matters is whether another seed gives another picture."""
ALIKE = 0.95
"""The cosine of pictures that are as good as copies. With the bundled judge, a picture and the same recompressed,
shifted by a pixel or brightened by 3 % have 0.97 or more; four seeds of one prompt have 0.65 in the median."""


@dataclass(frozen=True, slots=True)
class DistinctPictures:
    """How many distinct pictures images of one prompt are worth, on average over prompts.

    Attributes:
        pictures: 1 if all are equal, `of` if none has anything in common with another. An interval is over prompts:
            what other prompts of this kind would give; None for one prompt.
        value: the mean.
        of: the number of images that are compared, the same for every prompt.
        prompts: how many prompts are measured; `left_out` have fewer images.
        by: what is called a prompt here: `prompt`, or `template` where most prompts have one image only.
        copying: templates whose images are as good as copies, each with its mean.
    """

    value: float
    pictures: Estimate | None
    of: int
    prompts: int
    left_out: int
    by: str
    copying: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """The figure in words."""
        interval = f" ({self.pictures.low:.1f} to {self.pictures.high:.1f})" if self.pictures else ""
        noun = self.by if self.prompts == 1 else f"{self.by}s"
        return f"{self.value:.1f} of {self.of}{interval}, over {self.prompts:,} {noun}"


def like_copies(size: int, cosine: float = ALIKE) -> float:
    """Return the Vendi score of `size` images of which every two have this cosine.

    The kernel matrix, divided by n, has the eigenvalues (1 + (n - 1) c) / n, once, and (1 - c) / n.
    """
    return vendi(np.array([1 + (size - 1) * cosine, *[1 - cosine] * (size - 1)]) / size)


def distinct_pictures(
    vectors: Vectors, prompts: Sequence[str], templates: Sequence[str], size: int | None = None
) -> DistinctPictures | None:
    """Measure images with embeddings [n, d] of length 1, their prompts and the prompts' templates.

    The Vendi score (Friedman and Dieng 2023, TMLR) grows with the number of images. So every prompt is scored on the
    same number, as many as half of the prompts with two images have, at most `MOST_AT_ONCE`; where it has more, by the
    mean over random draws.

    Args:
        size: the number of images, instead of that.

    Returns:
        None if no two images share a prompt or a template.
    """
    by, names = "prompt", [*prompts]
    if sum(count for count in Counter(names).values() if count > 1) < len(names) / 2:
        by, names = "template", [*templates]
    places = _places(names)
    sizes = [len(each) for each in places.values() if len(each) > 1]
    if not sizes:
        return None
    size = size or min(MOST_AT_ONCE, int(np.median(sizes)))
    scores = scores_of(vectors, names, size)
    values = np.array([*scores.values()])

    of_template: dict[str, list[float]] = {}
    template = dict(zip(names, templates, strict=True))
    for name, score in scores.items():
        of_template.setdefault(template[name], []).append(score)
    copying = tuple(
        (name, float(np.mean(found))) for name, found in of_template.items() if _copies(np.array(found), size)
    )
    left_out = len(places) - len(scores)
    return DistinctPictures(float(values.mean()), mean_of(values, 1, size), size, len(scores), left_out, by, copying)


def scores_of(vectors: Vectors, names: Sequence[str], size: int) -> dict[str, float]:
    """Return the Vendi score of `size` images of each name that has so many."""
    rng = np.random.default_rng(0)
    return {name: _score(vectors[each], size, rng) for name, each in _places(names).items() if len(each) >= size}


def mean_of(values: Floats, least: float, most: float) -> Estimate | None:
    """Return the mean of independent values with Student's interval; None for fewer than two."""
    if len(values) < 2:
        return None
    value = float(values.mean())
    wide = float(student.isf(ALPHA / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return estimate(value, max(value - wide, least), min(value + wide, most))


def _places(names: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return places


def _score(vectors: Vectors, size: int, rng: np.random.Generator) -> float:
    if len(vectors) == size:
        return vendi(spectrum(vectors))
    return float(np.mean([vendi(spectrum(vectors[part])) for part in draws(size, len(vectors), rng)]))


def _copies(values: Floats, size: int) -> bool:
    """Whether a template's images are as good as copies, and its interval, if it has one, leaves no doubt."""
    found = mean_of(values, 1, size)
    return (found.high if found else float(values.mean())) <= like_copies(size)
