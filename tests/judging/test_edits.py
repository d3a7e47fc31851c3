"""What images kept of the pictures that they begin from, and what changed."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from synthgen.errors import SpecError
from synthgen.judging.clip_judge import ClipJudge
from synthgen.judging.edits import Before
from synthgen.records import Candidate, Reason
from synthgen.spec import parse_spec
from tests.judging.tiny import SPEC, pictures, rendered

SOURCED = SPEC + "task: image-to-image\nsource: {dataset: ./photos}\n"
BEGUN = torch.linspace(0, 200, 64 * 64).reshape(1, 64, 64).expand(3, 64, 64).byte().contiguous()


def judge_of(folder: Path, region: Tensor | None, *overrides: str) -> ClipJudge:
    def before(candidate: Candidate, size: tuple[int, int]) -> Before:
        assert size == (64, 64)
        return Before(BEGUN, region)

    spec = parse_spec(SOURCED, overrides=overrides)
    judge = ClipJudge(spec, f"local-dir:{folder}", "content:1", "cpu", before=before)
    judge.setup()
    return judge


def test_a_region_is_compared_by_its_pixels_and_by_what_its_part_shows(judge_folder: Path) -> None:
    region = torch.zeros(64, 64, dtype=torch.bool)
    region[16:48, 8:40] = True
    inside, outside = BEGUN.clone(), BEGUN.clone()
    inside[:, 20:30, 10:20] = 255
    outside[0, 0, :32] += 1
    judge = judge_of(judge_folder, region, "filters.kept.min_score=1", "filters.changed={}")
    found = judge.assess([rendered(image, n) for n, image in enumerate((BEGUN, inside, outside))])
    same, drawn, spilled = (one.scores for one in found)
    assert [one.reason for one in found] == [Reason.CHANGED, None, Reason.KEPT]
    assert (same["kept"], same["changed"]) == (1, 0)
    assert same["gained"] == pytest.approx(0, abs=1e-6)
    assert drawn["kept"] == 1
    exact = (255 - BEGUN[0, 20:30, 10:20].float()).sum() / 255 / region.sum()
    assert drawn["changed"] == pytest.approx(float(exact), rel=1e-5)
    assert drawn["gained"] != pytest.approx(0, abs=1e-6)
    assert spilled["kept"] == pytest.approx(1 - 32 / int((~region).sum()))
    (alone,) = judge.assess([rendered(inside, 1)])  # the picture's embedding is remembered by now
    assert alone.scores == pytest.approx(drawn, abs=1e-5)


def test_without_a_region_the_judge_compares_the_whole(judge_folder: Path) -> None:
    other = pictures(1)[0]
    shown = [rendered(image, n) for n, image in enumerate((BEGUN, other))]
    same, unlike = (one.scores["kept"] for one in judge_of(judge_folder, None).assess(shown))
    assert same == pytest.approx(1, abs=1e-6)
    assert unlike < same - 3e-7  # to weights that mean nothing, all pictures are much alike
    judge = judge_of(judge_folder, None, f"filters.kept.min_score={(same + unlike) / 2 - 1e-9:.9f}")
    found = judge.assess(shown)
    assert [one.reason for one in found] == [None, Reason.KEPT]
    assert found[1].scores["changed"] == pytest.approx(float((other.int() - BEGUN.int()).abs().float().mean() / 255))
    assert all(tuple(one.scores) == judge.score_names for one in found)


def test_images_without_pictures_have_no_such_scores_and_such_filters_are_refused(judge_folder: Path) -> None:
    judge = ClipJudge(parse_spec(SPEC), f"local-dir:{judge_folder}", "content:1", "cpu")
    assert not {"kept", "changed", "gained"} & set(judge.score_names)
    assert not {"kept", "changed"} & parse_spec(SPEC).canonical()["filters"].keys()
    with pytest.raises(SpecError, match=r"filters\.kept: it compares images with the pictures"):
        parse_spec(SPEC, overrides=("filters.kept.min_score=0.5",))
