"""Query the ledger with pandas: how often each prompt produced its class, and what was rejected.

Usage: `python ledger.py outputs/quickstart`
"""

import sys
from pathlib import Path

import pandas as pd


def main(run: str) -> None:
    ledger = pd.read_parquet(Path(run) / "ledger")
    print(ledger.groupby(["class", "verdict", "reason"], dropna=False).size(), end="\n\n")

    judged = ledger[ledger["verdict"] != "failed"]
    good = judged["verdict"].isin(["accepted", "surplus"])
    print(good.groupby(judged["template"]).agg(["mean", "size"]).sort_values("mean"), end="\n\n")

    closest = judged[judged["reason"] == "label"].nlargest(5, "score_label_posterior")
    print(closest[["id", "class", "prompt", "score_label_posterior"]].to_string(index=False))


if __name__ == "__main__":
    main(sys.argv[1])
