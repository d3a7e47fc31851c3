"""docs/figures/tasks.png: what each task that begins from pictures makes of the same eight.

`python -m tests.benchmarks.tasks_figure` runs the four specs, which takes two minutes, and draws the figure.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[2]
FIGURE = ROOT / "docs/figures/tasks.png"
TASKS = ("image-to-image", "inpaint", "outpaint", "control")
_SIDE, _GAP, _LEFT, _COLUMNS = 96, 4, 112, 8


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for task in TASKS:
            command = ["-m", "synthgen", "run", f"specs/{task}.yaml", "-o", f"{folder}/{task}", "--quiet"]
            subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
        drawn(Path(folder)).save(FIGURE, optimize=True)


def drawn(runs: Path) -> Image.Image:
    """Draw one column for each picture of which every task made an image, and one row for each task."""
    made = {task: _first_of_each_source(runs / task) for task in TASKS}
    everywhere = [name for name in sorted(made[TASKS[0]]) if all(name in images for images in made.values())]
    if len(everywhere) < _COLUMNS:
        raise SystemExit(f"only {len(everywhere)} pictures have an image of every task")
    step = len(everywhere) / _COLUMNS
    chosen = [everywhere[int(step * number)] for number in range(_COLUMNS)]
    pictures: dict[str, Image.Image] = {name: Image.open(ROOT / "specs/sources" / name) for name in chosen}
    rows = {"the pictures": pictures, **made}

    wide, high = _LEFT + _COLUMNS * (_SIDE + _GAP), len(rows) * (_SIDE + _GAP)
    figure = Image.new("RGB", (wide, high), "white")
    draw, font = ImageDraw.Draw(figure), ImageFont.load_default(14)
    for row, (title, images) in enumerate(rows.items()):
        top = row * (_SIDE + _GAP)
        draw.text((4, top + _SIDE / 2), title, "black", font, anchor="lm")
        for column, name in enumerate(chosen):
            picture = images[name].convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
            figure.paste(picture, (_LEFT + column * (_SIDE + _GAP), top))
    return figure


def _first_of_each_source(run: Path) -> dict[str, Image.Image]:
    found: dict[str, Image.Image] = {}
    for file in sorted(run.glob("dataset/data/*.parquet")):
        for row in pq.read_table(file, columns=["source_id", "image"]).to_pylist():
            found.setdefault(row["source_id"], Image.open(io.BytesIO(row["image"]["bytes"])))
    return found


if __name__ == "__main__":
    main()
