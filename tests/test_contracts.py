"""The contracts of `synthgen.testing`: what ships keeps them, and each check refuses what breaks it."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from synthgen.dataset.formats import Manifest, SelectedImages, Selection
from synthgen.dataset.formats.parquet import ParquetFormat
from synthgen.judging.clip_judge import ClipJudge
from synthgen.judging.measure import ImageBatch, ImageMeasure, JudgeEncoder
from synthgen.judging.measures import ClassMeasure, ConceptMeasure, PromptMeasure, QualityMeasure
from synthgen.records import Candidate, Rendered
from synthgen.store import FolderStore, RunStore, open_store
from synthgen.testing import (
    FORMAT_CHECKS,
    GENERATOR_CHECKS,
    JUDGE_CHECKS,
    MEASURE_CHECKS,
    STORE_CHECKS,
    BrightnessJudge,
    NoiseGenerator,
    check_addresses,
    check_format,
    check_generator,
    check_measure,
    check_store,
)
from synthgen.testing.measures import names_begin_with_the_first
from tests.generating.tiny import generator_of, save_stable_diffusion
from tests.judging.tiny import save_judge, spec_with

SPEC = spec_with('safety.reject=["a photo of a weapon"]')
MEASURES: dict[str, Callable[[], ImageMeasure]] = {
    "prompt": PromptMeasure,
    "class": lambda: ClassMeasure(SPEC),
    "quality": QualityMeasure,
    "concept": lambda: ConceptMeasure(SPEC),
}


def name_of(check: Callable[..., None]) -> str:
    return check.__name__


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "sd"
    save_stable_diffusion(folder)
    return folder


@pytest.fixture(scope="module")
def judge_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judges") / "tiny"
    save_judge(folder)
    return folder


@pytest.mark.parametrize("check", GENERATOR_CHECKS, ids=name_of)
def test_generators_keep_their_contract(check: Callable[..., None], pipeline: Path) -> None:
    check(NoiseGenerator)
    check(lambda: generator_of(pipeline))


@pytest.mark.parametrize("check", JUDGE_CHECKS, ids=name_of)
def test_judges_keep_their_contract(check: Callable[..., None], judge_folder: Path) -> None:
    check(BrightnessJudge)
    spec = spec_with("filters.duplicates={}", "filters.quality={}")
    check(lambda: ClipJudge(spec, f"local-dir:{judge_folder}", "content:1", "cpu"))


@pytest.mark.parametrize("check", [one for one in MEASURE_CHECKS if one is not names_begin_with_the_first], ids=name_of)
@pytest.mark.parametrize("make", MEASURES.values(), ids=MEASURES)
def test_the_judges_own_measures_keep_their_contract(
    check: Callable[..., None], make: Callable[[], ImageMeasure]
) -> None:
    check(make)


@pytest.mark.parametrize("check", STORE_CHECKS, ids=name_of)
def test_stores_keep_their_contract(check: Callable[[RunStore], None], place: str) -> None:
    check(open_store(place))


@pytest.mark.parametrize("check", FORMAT_CHECKS, ids=name_of)
def test_formats_keep_their_contract(check: Callable[..., None]) -> None:
    check(ParquetFormat)


class Unseeded(NoiseGenerator):
    """Takes its noise from the place in the batch, as a generator that seeds once does."""

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        rendered = super().render(candidates)
        return [
            Rendered(one.candidate, torch.full((3, 8, 8), index, dtype=torch.uint8), None, 0.0, 1)
            for index, one in enumerate(rendered)
        ]


class Floating(NoiseGenerator):
    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        return [Rendered(each, torch.rand(3, 8, 8), None, 0.0, 1) for each in candidates]


class Swapped(NoiseGenerator):
    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        return super().render(candidates)[::-1]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Unseeded, "its noise must come from its seed"),
        (Floating, r"images must be uint8 \[3, height, width\], found torch.float32"),
        (Swapped, "must give each candidate back, in order"),
    ],
)
def test_a_generator_that_breaks_the_contract_is_told_how(broken: type[NoiseGenerator], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_generator(broken)


class Relative:
    """Its scores depend on what else is in the batch."""

    names: tuple[str, ...] = ("relative",)

    def setup(self, encoder: JudgeEncoder) -> None:
        pass

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        means = batch.images.float().mean((1, 2, 3))
        return {"relative": means / means.sum()}


class Short(Relative):
    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        return {"relative": torch.zeros(1)}


class Misnamed(Relative):
    names = ("relative", "other")


class Unannounced(Relative):
    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        return {"other": torch.zeros(len(batch.images))}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Relative, "relative of one image is"),
        (Short, "relative must be 5 floats for 5 images"),
        (Misnamed, r"names after the first must begin with 'relative_', found \['other'\]"),
        (Unannounced, r"measure must give \('relative',\), found \('other',\)"),
    ],
)
def test_a_measure_that_breaks_the_contract_is_told_how(broken: type[Relative], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_measure(broken)


def test_a_store_that_lets_the_second_win_is_told_so(tmp_path: Path) -> None:
    class Careless(FolderStore):
        def create(self, name: str, data: bytes) -> bool:
            self.delete(name)
            return super().create(name, data)

    with pytest.raises(AssertionError, match="create must be false"):
        check_store(lambda: Careless(str(tmp_path / "run")))


def test_a_store_that_lists_its_neighbours_is_told_so(tmp_path: Path) -> None:
    class Flat(FolderStore):
        def names_below(self, folder: str) -> list[str]:
            return self.names(folder)

    places = iter(range(100))
    with pytest.raises(AssertionError, match=r"names_below\('b'\) must be"):
        check_store(lambda: Flat(str(tmp_path / f"{next(places)}")))


def test_a_store_whose_addresses_climb_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"the address 'disk:/\.\.' must be refused"):
        check_addresses(lambda address: FolderStore(tmp_path / address.removeprefix("disk:/")), "disk")


def test_a_format_that_breaks_the_contract_is_told_how() -> None:
    class Dated(ParquetFormat):
        def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
            manifest = super().write(selection, images, folder)
            (folder / "index.txt").write_text(secrets.token_hex(8))
            return replace(manifest, others=("index.txt",))

    class Linked(ParquetFormat):
        def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
            (folder / "link.txt").symlink_to("/etc/hostname")
            return super().write(selection, images, folder)

    with pytest.raises(AssertionError, match=r"the same bytes, and \['index.txt'\] differ"):
        check_format(Dated)
    with pytest.raises(AssertionError, match=r"link.txt is a link to /etc/hostname"):
        check_format(Linked)
