"""The table against the installed diffusers: each pipeline is described, or there is a reason why it is not driven."""

import pytest

from synthgen.families.reasons import REASONS
from synthgen.families.resolve import family_of, not_from_text
from synthgen.families.signature import auto_names, pipeline_names, signature_of
from synthgen.families.table import FAMILIES, PINNED
from tests.families import page

TEXT = [name for name in auto_names("TEXT2IMAGE") if not_from_text(name) is None]


def test_every_pipeline_that_diffusers_lists_is_driven_or_has_a_reason() -> None:
    for name in {*auto_names("TEXT2IMAGE"), *auto_names("IMAGE2IMAGE"), *auto_names("INPAINT")}:
        why = not_from_text(name)
        assert (name in TEXT) == (why is None) or name in auto_names("IMAGE2IMAGE"), (name, why)
    assert len(TEXT) == 40


def test_every_pipeline_that_nobody_lists_is_driven_by_its_signature_or_has_a_reason() -> None:
    driven = {name for name in pipeline_names() if not_from_text(name) is None} - set(TEXT)
    rows = {name for name in driven if family_of(name) is not None}
    assert rows >= {
        "BriaFiboPipeline",
        "BriaPipeline",
        "DreamLitePipeline",
        "ErnieImagePipeline",
        "HiDreamImagePipeline",
        "HunyuanImagePipeline",
        "Kandinsky5T2IPipeline",
        "LongCatImagePipeline",
        "OmniGenPipeline",
        "PRXPixelPipeline",
        "SanaSprintPipeline",
    }
    for name in driven:
        signature = signature_of(name)
        assert signature is not None
        assert {"prompt", "generator", "output_type"} <= signature.takes.keys(), name


def test_the_page_of_families_has_the_tables_as_they_are() -> None:
    now = page.PAGE.read_text(encoding="utf-8")
    assert now == page.page(), "write it anew: python -m tests.families.page"


def test_no_row_is_for_a_pipeline_that_does_not_exist_or_for_two() -> None:
    named = [name for family in FAMILIES for name in family.pipelines] + list(REASONS)
    assert sorted(named) == sorted(set(named))
    assert set(named) <= set(pipeline_names())


def test_every_argument_that_is_pinned_exists() -> None:
    taken = {argument for name in pipeline_names() if (one := signature_of(name)) for argument in one.takes}
    assert PINNED.keys() <= taken


@pytest.mark.parametrize(
    ("pipeline", "reason"),
    [
        ("StableDiffusionInpaintPipeline", "inpainting"),
        ("FluxFillPipeline", "inpainting"),
        ("StableDiffusionControlNetPipeline", "ControlNet"),
        ("FluxControlPipeline", "controls the layout"),
        ("StableDiffusionInstructPix2PixPipeline", "changes images"),
        ("QwenImageEditPipeline", "changes images"),
        ("StableDiffusionUpscalePipeline", "changes images"),
        ("LTXPipeline", "videos"),
        ("WanPipeline", "videos"),
        ("AudioLDMPipeline", "sound"),
        ("StableAudioPipeline", "sound"),
        ("ShapEPipeline", "3D"),
        ("KandinskyV22PriorPipeline", "embeddings"),
        ("DDPMPipeline", "`prompt`"),
    ],
)
def test_a_pipeline_of_another_task_is_told_apart(pipeline: str, reason: str) -> None:
    assert reason in str(not_from_text(pipeline))
