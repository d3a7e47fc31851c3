"""Fail a pipeline when a set is skewed: check a CSV with a column of skin tones against a limit. Needs no model.

Usage: `python gate.py people.csv "skin overall: tv <= 0.1"`

The CSV has one row per image, with the columns `path`, `label` and `skin`. The exit codes are those of
`synthgen audit`: 4 if the gate fails, or if there are too few images to decide it.
"""

import sys

import synthgen


def main(csv: str, gate: str) -> int:
    found = synthgen.audit(csv, known={"skin": "skin"}, targets={"skin": "uniform"}, gates=[gate])

    shares = found.tables["shares"]
    overall = shares[shares["place"] == "overall"]
    print(overall[["value", "count", "quoted", "quoted_low", "quoted_high"]].to_string(index=False))
    for limit in found.tables["gates"].to_dict("records"):
        print(f"{limit['gate']}: {limit['outcome']}: {limit['reason']}")
    return 0 if found.outcome == "pass" else synthgen.GateFailed.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
