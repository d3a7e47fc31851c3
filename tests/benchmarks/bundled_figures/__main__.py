"""What the bundled models can and cannot do, measured with the ground-truth reader.

    python -m tests.benchmarks.bundled_figures --images 60 --bare 200

Writes `bundled.json` and `bundled.png` under docs/figures, puts the tables between the marks of
docs/bundled-models.md, and the chief figures into the weights' training.json. With
`--images 2 --bare 2 --renders 50 --steps 2 --docs FOLDER` it shows that it runs, and leaves the docs alone.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer

from synthgen import bundled
from synthgen.bundled.mixture import even
from synthgen.bundled.reader import load_reader
from synthgen.bundled.train.pictures import render_many
from synthgen.bundled.world import SIZE
from synthgen.judging.clip import Clip
from synthgen.spec import read_spec
from tests.benchmarks.bundled_figures.labelled import agreement
from tests.benchmarks.bundled_figures.measure import (
    GUIDANCES,
    QUICKSTART_GUIDANCE,
    UNSEEN,
    bare_wishes,
    fidelity_figures,
    full_wishes,
    generator,
    judge_figures,
    largest_difference,
    read_all,
    reader_figures,
    rendered,
    seconds_per_image,
    sheet_wishes,
    skin_entropy,
    skin_shares,
    skins_called,
    skins_of,
    wrong_figures,
)
from tests.benchmarks.bundled_figures.report import Figures, in_short, markdown, write_picture
from tests.benchmarks.page import put_into

ROOT = Path(__file__).parents[3]


def main(
    images: Annotated[int, typer.Option(min=1, help="Per occupation and skin tone, at each guidance.")] = 60,
    bare: Annotated[int, typer.Option(min=1, help="Per occupation with a bare prompt, at each guidance.")] = 200,
    renders: Annotated[int, typer.Option(min=1)] = 2000,
    steps: Annotated[int, typer.Option(min=1)] = 20,
    device: str = "cpu",
    docs: Annotated[Path, typer.Option(help="The folder with bundled-models.md.")] = ROOT / "docs",
) -> None:
    """Measure the bundled models and write the figures into the docs."""
    spec = read_spec(ROOT / "specs" / "quickstart.yaml")
    reader, clip = load_reader(bundled.READER), Clip(f"local-dir:{bundled.JUDGE}", torch.device(device))
    pictures = render_many(renders, even, seed=UNSEEN)
    of_reader, of_judge = reader_figures(reader, pictures), judge_figures(clip, spec, pictures)

    full, without = full_wishes(images), bare_wishes(bare)
    wrong, fidelity, entropies, seconds = {}, {}, {}, {}
    skins_right, skins_all, from_shown, from_called = {}, {}, {}, {}
    folder = docs / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for guidance in GUIDANCES:
        key, made = f"{guidance:g}", generator(guidance, steps, device)
        print(f"guidance {key}", file=sys.stderr)
        seconds[key] = seconds_per_image(made, batches=5)
        rows = read_all(reader, rendered(made, full))
        wrong[key], fidelity[key] = wrong_figures(full, rows), fidelity_figures(full, rows)
        rows = read_all(reader, rendered(made, without))
        skins_right[key] = skin_shares(without, rows, right_only=True)
        skins_all[key] = skin_shares(without, rows, right_only=False)
        entropies[key] = skin_entropy(skins_right[key])
        from_shown[key] = largest_difference(skins_right[key], skins_of)
        from_called[key] = largest_difference(skins_all[key], skins_called)
        if guidance == QUICKSTART_GUIDANCE:
            sheet = rendered(made, sheet_wishes(8))
            assert sheet.shape[1:] == (3, SIZE, SIZE)
            write_picture(sheet, folder / "bundled.png", columns=8)

    machine = {"threads": str(torch.get_num_threads()), **made.provenance()}
    kept = ("threads", "device", "dtype", "torch", "diffusers")
    figures = Figures(
        images,
        bare,
        renders,
        steps,
        {name: machine[name] for name in kept},
        of_reader,
        agreement(reader),
        of_judge,
        wrong,
        fidelity,
        skins_all,
        skins_right,
        entropies,
        from_called,
        from_shown,
        seconds,
    )
    text = markdown(figures)
    (folder / "bundled.json").write_text(json.dumps(asdict(figures), indent=1) + "\n", "utf-8")
    put_into(docs / "bundled-models.md", text)
    if docs == ROOT / "docs":
        report = bundled.WEIGHTS / "training.json"
        known = json.loads(report.read_text("utf-8")) | {"figures": in_short(figures)}
        report.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    typer.run(main)
