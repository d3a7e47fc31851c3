"""The settings of each preset pass the checks of `plan` on a small folder of its own pipeline's class."""

from pathlib import Path

import pytest

from synthgen.families import call_of, checked_call
from synthgen.models import locate
from synthgen.presets import PRESETS
from synthgen.spec import ModelSpec
from tests.generating.families import FAMILIES, Family
from tests.generating.tiny import save_stable_diffusion, save_stable_diffusion_xl

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

NOT_OF_A_FOLDER = ("id", "adapters", "variant", "components")
"""What a small folder has no part of: the hub's files."""


def family_of(name: str) -> Family | None:
    """Find the small family of a preset: of its pipeline's class, and distilled as the model is."""
    preset = PRESETS[name]
    here = {key: family for key, family in FAMILIES.items() if family.class_name == preset.pipeline}
    guided = {key: family for key, family in here.items() if (family.guidance == "none") == (name in DISTILLED)}
    return next(iter({**guided, **here}.values()), None)


DISTILLED = ("flux1-schnell", "flux2-klein-4b")


@pytest.fixture(scope="module")
def folders() -> dict[tuple[str, bool], Path]:
    """The folders that were saved, by the pipeline and whether it is distilled."""
    return {}


def saved(name: str, folder: Path) -> Path:
    match PRESETS[name].pipeline:
        case "StableDiffusionPipeline":
            save_stable_diffusion(folder)
        case "StableDiffusionXLPipeline":
            save_stable_diffusion_xl(folder)
        case pipeline:
            family = family_of(name)
            assert family is not None, f"no small pipeline of {pipeline}"
            family.save(folder)
    return folder


@pytest.mark.parametrize("name", PRESETS)
def test_the_settings_fit_a_folder_of_the_pipeline(
    name: str, folders: dict[tuple[str, bool], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    preset = PRESETS[name]
    kind = (preset.pipeline, name in DISTILLED)
    folder = folders.setdefault(kind, tmp_path_factory.getbasetemp() / "-".join(map(str, kind)))
    if not folder.exists():
        saved(name, folder)
    settings = {key: value for key, value in preset.model.items() if key not in NOT_OF_A_FOLDER}
    if name == "hidream":
        del settings["size"]  # it draws as many pixels as its own size has, which of the small one are fewer
    model = ModelSpec.model_validate({"id": str(folder), **settings})
    call = checked_call(model, locate(str(folder)), model.model_fields_set)
    recorded = call_of(lambda file: preset.files.get(file, {}))
    assert (call.pipeline, call.guidance, call.embedded, call.negative) == (
        recorded.pipeline,
        recorded.guidance,
        recorded.embedded,
        recorded.negative,
    )
