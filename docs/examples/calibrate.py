"""Choose label thresholds that reach a precision. Run it, label the pilot by eye, and run it again.

The first call makes a pilot. Open `outputs/pilot/to-label.html`, and write yes or no into the column `right` of
`outputs/pilot/labels.csv`. The second call reads the labels and writes the thresholds into
`outputs/pilot/calibration.json`.
Name that file in the spec as `filters.label.calibration`.
"""

import csv
from pathlib import Path

import synthgen

SPEC = {
    "synthgen": 1,
    "name": "trades",
    "model": {"id": "bundled:workers", "steps": 10, "guidance": 1.5},
    "classes": {"doctor": 20, "chef": 20},
    "prompts": {"templates": ["a portrait of a {class}", "a {class}"]},
    "filters": {"label": {"min_posterior": 0.5}, "quality": {}},
}
PILOT = Path("outputs/pilot")


def main() -> None:
    spec = synthgen.load_spec(SPEC)
    pilot = synthgen.pilot(spec, PILOT, count=16)  # changes nothing if the pilot already exists
    with pilot.table.open(encoding="utf-8", newline="") as file:
        labelled = sum(bool(row["right"]) for row in csv.DictReader(file))
    if not labelled:
        print(f"look at {pilot.page}, fill in {pilot.table}, and run this again")
        return

    # Sixteen images per class prove little: for real work, ask for a higher precision and label more images.
    found = synthgen.calibrate(spec, PILOT, pilot.table, precision=0.7, confidence=0.8)
    for name, threshold in found.calibration.classes.items():
        print(name, threshold)
    print(f"wrote {found.file}" if found.file else "not written: label more images")


if __name__ == "__main__":
    main()
