"""The LoRA that ships: it changes the style of the bundled model's portraits, and nothing of who they show."""

from pathlib import Path

import numpy as np
import pytest

from synthgen import bundled
from synthgen.bundled.world import MEDALLION
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.models.adapters import find_adapter
from synthgen.records import Candidate
from synthgen.spec import AdapterSpec, ModelSpec
from tests.command import call

OCCUPATIONS = ("doctor", "chef", "farmer", "police officer")


def drawn(*weights: float) -> np.ndarray:
    """Draw eight portraits: uint8 [8, 64, 64, 3]. Each weight is one more use of the LoRA."""
    specs = [AdapterSpec(id="bundled:medallion", name=f"m{at}", weight=weight) for at, weight in enumerate(weights)]
    model = ModelSpec(id="bundled:workers", steps=8, guidance=1.5, adapters=tuple(specs))
    files = [find_adapter(spec, bundled=bundled.ADAPTERS[spec.id]) for spec in specs]
    generator = Renderer(model, locate(model.id, folder=bundled.GENERATOR), "cpu", 8, files)
    generator.setup()
    asked = [
        Candidate("", 0, at, name, name, 0, "", (), f"a {name} with {skin} skin on a blue background", "", at)
        for at, (name, skin) in enumerate((name, skin) for name in OCCUPATIONS for skin in ("light", "dark"))
    ]
    images = [made.image for made in generator.render(asked)]
    return np.stack([image.permute(1, 2, 0).numpy() for image in images if image is not None])


def yellowness(pictures: np.ndarray) -> float:
    """How much more red than blue, in levels, there is left and right of the head, inside the disc."""
    left, _, right, _ = MEDALLION
    beside = np.concatenate([pictures[:, 22:34, left + 2 : left + 6], pictures[:, 22:34, right - 6 : right - 2]], 2)
    return float(np.median(beside[..., 0].astype(int) - beside[..., 2]))


def test_it_draws_a_yellow_disc_behind_the_people_whom_the_model_draws() -> None:
    plain, styled = drawn(), drawn(1.0)
    assert (drawn(0.0) == plain).all()
    assert yellowness(plain) < -50
    assert yellowness(styled) > 50
    # The corners, outside the disc, keep their colour.
    assert np.abs(np.median(plain[:, :3, :3], (0, 1, 2)) - np.median(styled[:, :3, :3], (0, 1, 2))).max() < 25


@pytest.mark.slow
def test_two_uses_add_up() -> None:
    assert np.abs(drawn(0.5, 0.5).astype(int) - drawn(1.0).astype(int)).max() <= 2


@pytest.mark.slow
def test_a_spec_names_it_and_the_run_records_it(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "synthgen: 1\nname: discs\nmodel: {id: 'bundled:workers', steps: 6, guidance: 1.5, "
        "adapters: [{id: 'bundled:medallion', weight: 0.9}]}\n"
        "classes: {doctor: 2, chef: 2}\nprompts: {templates: ['a {class}']}\nfilters: {}\n"
    )
    made = call("run", "spec.yaml", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "lora bundled:medallion, weight 0.9, sha256:" in (tmp_path / "outputs/discs/dataset/README.md").read_text()
    assert call("verify", "outputs/discs", folder=tmp_path).returncode == 0

    spec = (tmp_path / "spec.yaml").read_text().replace("bundled:medallion", "bundled:medalion")
    (tmp_path / "wrong.yaml").write_text(spec)
    refused = call("validate", "wrong.yaml", folder=tmp_path)
    assert refused.returncode == 2
    assert "model.adapters.0.id" in refused.stderr
    assert "'bundled:medallion'" in refused.stderr
