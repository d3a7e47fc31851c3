"""The benchmarks of handwriting and glyphs run from their pictures to their tables, here with a few steps."""

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import glyphs
from tests.benchmarks.generated_arms import Effort, Material, run
from tests.benchmarks.handwriting import divided, optdigits
from tests.benchmarks.small_generator import Labelled


def test_few_digits_are_compared_with_drawn_and_other_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits = optdigits()
    two = digits.take([row for row, label in enumerate(digits.labels) if label in "03"][:60])
    few, test, more = divided(two, 6, 15, seed=0)
    assert not {each.tobytes() for each in few.pictures} & {each.tobytes() for each in test.pictures}

    material = Material("digits", few, test, more, more, "others")
    run(material, Effort(alone=4, before=4, tuned=4, drawn=4, seeds=5, learners=("knn",)), tmp_path)
    told = capsys.readouterr()
    assert told.out.count("| real + RandAugment |") == told.out.count("Verdict on ") == 2
    assert "| real + more real x1 |" in told.out
    assert "| real + others x1 |" in told.out
    assert "training learners" in told.err
    assert (tmp_path / "digits" / "evaluation-tuned-knn" / "report.html").exists()


def test_fonts_that_look_drawn_are_the_test_and_one_series_is_on_one_side(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = {f"{name} {style}": tmp_path for name in map(str, range(20)) for style in ("Sans", "Serif")}
    found |= dict.fromkeys(glyphs.DRAWN, tmp_path)
    seen: list[Material] = []
    monkeypatch.setattr(glyphs, "families", lambda folders: found)
    monkeypatch.setattr(glyphs, "rendered", _unseen)
    monkeypatch.setattr(glyphs, "run", lambda material, effort, output: seen.append(material))
    glyphs.main()
    (material,) = seen
    few, test, more, other = (set(part.kin) for part in (material.few, material.test, material.more, material.other))
    assert len(few) == 5
    assert test == {glyphs.series(name) for name in glyphs.DRAWN}
    assert not few & more
    assert not test & (more | other)


def test_missing_fonts_are_named_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^0 families .* there is no Balker, .*apt-get install .*fonts-urw-base35"):
        glyphs.main(fonts=[tmp_path])


def _unseen(fonts: dict[str, Path], letters: str, seed: int) -> Labelled:
    kin = tuple(glyphs.series(family) for family in fonts for _ in letters)
    return Labelled(np.zeros((len(kin), 16, 16), np.uint8), tuple(letters) * len(fonts), kin)
