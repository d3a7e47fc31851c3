"""Every family as synthgen drives it, beside a direct call of its pipeline in its own convention: equal images."""

from pathlib import Path

import diffusers
import pytest
from diffusers import DiffusionPipeline
from torch import Tensor

from synthgen.errors import UsageError
from synthgen.generating.renderer import Renderer
from tests.generating.families.every import ALL
from tests.generating.families.family import Family
from tests.generating.tiny import candidate, generator_of

pytestmark = [
    # What libraries say while they are imported, and while other code converts their images.
    pytest.mark.filterwarnings("ignore:`LoraLoaderMixin` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
PROMPTS = ("a chef", "a doctor at work", "a chef")
GUIDANCE = 4.0
FURTHEST = 1
"""Grey levels of 255: what a pipeline returns is rounded to bytes by others."""


class Folders:
    """Each family's folder, saved once, and its pipeline, loaded once by hand."""

    def __init__(self, root: Path) -> None:
        self._root, self._pipelines = root, dict[str, DiffusionPipeline]()

    def folder(self, name: str) -> Path:
        folder = self._root / name
        if not folder.exists():
            ALL[name].save(folder)
        return folder

    def pipeline(self, name: str) -> DiffusionPipeline:
        if name not in self._pipelines:
            self._pipelines.clear()
            kind = getattr(diffusers, ALL[name].class_name)
            self._pipelines[name] = kind.from_pretrained(self.folder(name))
        return self._pipelines[name]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("families"))


def settings_of(family: Family, **more: object) -> dict[str, object]:
    guided = {"acts": {"guidance": GUIDANCE}, "embedded": {"embedded_guidance": GUIDANCE}, "none": {}}
    high, wide = family.size
    return {"width": wide, "height": high, "steps": family.steps, **guided[family.guidance], **more}


def drawn(generator: Renderer, negative: str = "", *, count: int = len(PROMPTS)) -> list[Tensor]:
    candidates = [candidate(index, PROMPTS[index % len(PROMPTS)], negative) for index in range(count)]
    rendered = [
        one
        for start in range(0, count, generator.batch_size)
        for one in generator.render(candidates[start : start + generator.batch_size])
    ]
    assert [one.failure for one in rendered] == [None] * count
    return [one.image for one in rendered if one.image is not None]


def direct(
    name: str, pipeline: DiffusionPipeline, negative: str | None = None, size: tuple[int, int] | None = None
) -> list[Tensor]:
    family = ALL[name]
    images: list[Tensor] = []
    for rows in ([0, 1, 2],) if family.batchable else ([0], [1], [2]):
        images += family.direct(
            pipeline,
            [PROMPTS[row] for row in rows],
            [negative] * len(rows) if negative is not None else None,
            [candidate(row).seed for row in rows],
            guidance=1.0 if family.guidance == "none" else GUIDANCE,
            steps=family.steps,
            size=size or family.size,
        )
    return images


def furthest(some: list[Tensor], others: list[Tensor]) -> int:
    return max(int((one.int() - other.int()).abs().max()) for one, other in zip(some, others, strict=True))


each = pytest.mark.parametrize("name", sorted(ALL))


@pytest.mark.slow
@each
def test_guidance_steps_and_size_act_as_in_a_direct_call(name: str, folders: Folders) -> None:
    family = ALL[name]
    ours = drawn(generator_of(folders.folder(name), **settings_of(family)))
    assert tuple(ours[0].shape) == (3, *family.size)
    assert furthest(ours, direct(name, folders.pipeline(name))) <= FURTHEST
    if family.guidance == "acts":
        assert furthest(ours, drawn(generator_of(folders.folder(name), **settings_of(family, guidance=2.0)))) > 0


@pytest.mark.slow
@each
def test_a_negative_prompt_acts_or_is_refused(name: str, folders: Folders) -> None:
    family = ALL[name]
    settings = settings_of(
        family, negative_prompt="a hat", **({"guidance": GUIDANCE} if family.guidance != "none" else {})
    )
    settings.pop("embedded_guidance", None)
    if not family.takes_negative or family.guidance == "none":
        with pytest.raises(UsageError, match="negative_prompt"):
            generator_of(folders.folder(name), **settings)
        return
    ours = drawn(generator_of(folders.folder(name), **settings), "a hat")
    assert furthest(ours, direct(name, folders.pipeline(name), "a hat")) <= FURTHEST


@pytest.mark.slow
@each
def test_a_candidate_is_the_same_alone_and_in_any_batch(name: str, folders: Folders) -> None:
    settings = settings_of(ALL[name])
    alone = drawn(generator_of(folders.folder(name), **settings, batch_size=1), count=8)
    for size in (3, 8):
        assert (
            furthest(alone, drawn(generator_of(folders.folder(name), **settings, batch_size=size), count=8)) <= FURTHEST
        )


@pytest.mark.slow
@each
def test_its_own_size_is_that_of_its_call_and_others_are_drawn_or_refused(name: str, folders: Folders) -> None:
    family = ALL[name]
    generator = generator_of(folders.folder(name), steps=1)
    assert (generator.height, generator.width) == family.default_size
