"""Images that draw their settings: each as if its settings were those of all, whatever its batch neighbours drew."""

from dataclasses import replace
from pathlib import Path

import pytest

from synthgen.errors import ModelError, UsageError
from synthgen.families import checked_call
from synthgen.models import locate
from synthgen.records import DrawnSettings
from synthgen.spec import ModelSpec
from tests.generating.tiny import candidate, generator_of, save_stable_diffusion

SETTINGS: tuple[DrawnSettings, ...] = (
    (("steps", 2), ("guidance", 1.0), ("scheduler", "DDIMScheduler"), ("size", 32)),
    (("steps", 3), ("guidance", 3.0), ("scheduler", "DDPMScheduler"), ("size", "32x48")),
    (("steps", 3), ("guidance", 3.0), ("scheduler", "DDIMScheduler"), ("size", "48x32")),
)
CHOICES = {
    "steps": [2, 3],
    "guidance": [1, 3],
    "scheduler": ["DDIMScheduler", "DDPMScheduler"],
    "size": [32, "32x48", "48x32"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    save_stable_diffusion(folder)
    return folder


def test_an_image_is_the_one_that_fixed_settings_give_at_any_batch_size_and_order(folder: Path) -> None:
    several = generator_of(folder, **CHOICES)
    assert (several.height, several.width) in ((48, 32), (32, 48))
    batch = [replace(candidate(index), settings=SETTINGS[index % 3]) for index in range(6)]
    made = several.render(batch)
    assert [one.batch_size for one in made] == [2] * 6

    alone = {one.id: several.render([one])[0].image for one in reversed(batch)}
    for one in made:
        assert one.image is not None
        fixed = generator_of(folder, **dict(one.candidate.settings))
        expected = fixed.render([replace(one.candidate, settings=())])[0].image
        again = alone[one.candidate.id]
        assert expected is not None
        assert again is not None
        assert expected.equal(again)
        assert (one.image.int() - expected.int()).abs().max() <= 1  # of a batch of two, as everywhere
    facts = several.provenance()
    assert facts["scheduler"] == "DDIMScheduler, DDPMScheduler"
    assert "guidance_scale" not in facts["call"]
    assert '"size": {"32": 1.0, "32x48": 1.0, "48x32": 1.0}' in facts["choices"]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"scheduler": ["DDIMScheduler", "FlowMatchEulerDiscreteScheduler"]}, ModelError, "model.scheduler.1: Flow"),
        ({"guidance": [1, 3], "negative_prompt": "a hat"}, UsageError, "model.guidance.0: negative_prompt: without"),
        ({"guidance": [0, 1], "negative_prompt": "a hat"}, UsageError, "model.guidance.1: negative_prompt: without"),
    ],
)
def test_each_value_of_a_choice_is_checked_without_weights(
    folder: Path, settings: dict[str, object], error: type[Exception], message: str
) -> None:
    model = ModelSpec.model_validate({"id": str(folder), **settings})
    with pytest.raises(error, match=message):
        checked_call(model, locate(str(folder)), model.model_fields_set)
