"""Tables that are easily misread: labels of other images, and cells that say that there is no value."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.command import call, said

ATTRIBUTES = "attributes:\n  skin: {values: {light: [light skin], dark: [dark skin]}}\n"


@pytest.mark.parametrize("labeller", [0, 1])
def test_labels_that_name_other_classes_are_labels_of_other_images(labeller: int, tmp_path: Path) -> None:
    rng, ids = np.random.default_rng(0), [f"{kind}/{row}.png" for kind in ("chef", "nurse") for row in range(4)]
    for name in ids:
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / "set" / name)
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    classes = [name.partition("/")[0] for name in ids]
    right = pd.DataFrame({"id": ids, "class": classes, "weight": 1.0, "skin": "dark"})
    files = []
    for number in range(2):
        # The column of ids was sorted the other way round, and the others were not.
        table = right.assign(id=ids[::-1]) if number == labeller else right
        table.to_csv(tmp_path / f"{number}.csv", index=False)
        files += ["--import-labels", f"{number}.csv"]
    asked = ["audit", "set", "--attributes", "attributes.yaml", "--judge", "bundled:judge"]
    refused = call(*asked, *files, folder=tmp_path)
    assert refused.returncode == 2, refused.stderr
    told = said(refused.stderr)
    assert f"{labeller}.csv: 8 of 8 rows name another class than their image has" in told
    assert "nurse/3.png is of class 'nurse', and here 'chef'" in told
    assert "sorted alone" in told


def test_a_column_that_spells_out_missing_values_is_told(tmp_path: Path) -> None:
    values = ["woman", "man"] * 20 + ["NaN", "None", "None", ""]
    table = pd.DataFrame({"label": "chef", "gender": values, "glasses": ["round", "none"] * 22})
    table.to_csv(tmp_path / "set.csv", index=False)
    (tmp_path / "attributes.yaml").write_text(
        "attributes:\n  glasses: {values: {round: [round glasses], none: [no glasses]}}\n"
    )
    asked = ["--known", "gender=gender", "--known", "glasses=glasses", "--attributes", "attributes.yaml"]
    done = call("audit", "set.csv", *asked, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "outputs" / "set-audit" / "audit.json").read_text())["findings"]
    (told,) = (note for note in found["caveats"] if "counted as values" in note)
    assert told.startswith("gender: the column 'gender' holds 'NaN' (1), 'None' (2), counted as values like any other")
    (gender,) = (each for each in found["attributes"] if each["name"] == "gender")
    assert len(gender["values"]) == 4
