"""Make a small dataset from a spec in Python, and open it with `datasets`."""

from datasets import load_dataset

import synthgen

SPEC = {
    "synthgen": 1,
    "name": "trades",
    "model": {"id": "bundled:workers", "steps": 10, "guidance": 1.5},
    "classes": {"doctor": 6, "chef": 6},
    "prompts": {"templates": ["a portrait of a {class}", "a {class}"]},
    "filters": {"label": {"min_posterior": 0.6}, "quality": {}, "duplicates": {"within": "class"}},
}


def main() -> None:
    result = synthgen.run(synthgen.load_spec(SPEC), "outputs/trades")
    print(f"{result.tally.accepted} of {result.tally.attempted} attempts accepted, {result.missing} images missing")

    for split, rows in load_dataset(result.dataset).items():
        print(split, len(rows), rows.column_names)


if __name__ == "__main__":  # with several devices, worker processes import this file
    main()
