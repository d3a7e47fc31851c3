"""Classes and columns of two sets that are joined."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import UsageError
from synthgen.spec import folded
from tests.command import command_line, envelope
from tests.dataset.hostile import NAMES
from tests.dataset.joining.sets import SPLITS, frame_of, loaded, picture, rows


def test_classes_of_only_one_set_are_refused_by_name_or_follow_the_real_ones(
    real: Path, synthetic: Path, tmp_path: Path
) -> None:
    for split in SPLITS:
        (real / split / "builder").rename(real / split / "bilder")
    with pytest.raises(
        UsageError, match="the real set does not have the class 'builder' of the synthetic set"
    ) as refused:
        synthgen.join(real, synthetic, tmp_path / "joined")
    assert refused.value.hint is not None
    assert "called 'bilder'" in refused.value.hint
    assert "`unshared_classes=True`" in refused.value.hint
    assert "does not have the class 'bilder' of the real set" in refused.value.message  # both at once
    assert refused.value.argument is None  # which was not given, and is no place of the fault
    joined = synthgen.join(real, synthetic, tmp_path / "joined", unshared_classes=True)
    assert list(joined.summary.classes) == ["bilder", "chef", "doctor", "builder"]

    for split in SPLITS:
        (real / split / "bilder").rename(real / split / "Builder")
    with pytest.raises(UsageError, match="differ only in case"):
        synthgen.join(real, synthetic, tmp_path / "joined", unshared_classes=True)


def test_columns_of_both_sets_get_one_type_or_are_refused_by_name(synthetic: Path, tmp_path: Path) -> None:
    frame = frame_of(tmp_path)
    frame["score_clip_score"] = [1, None, *range(7)]
    joined = synthgen.join(frame, synthetic, tmp_path / "joined")
    assert joined.rebuilt
    kind = pq.read_schema(next((tmp_path / "joined/data").glob("train-*"))).field("score_clip_score").type
    assert pa.types.is_floating(kind)

    frame["seed"] = "one"
    with pytest.raises(UsageError, match="column 'seed' holds string in the real set, and int64 in") as refused:
        synthgen.join(frame, synthetic, tmp_path / "joined")
    assert refused.value.hint is not None
    assert "leave_out" in refused.value.hint
    synthgen.join(frame, synthetic, tmp_path / "joined", leave_out=["seed"])
    assert "seed" not in pq.read_schema(next((tmp_path / "joined/data").glob("train-*"))).names
    with pytest.raises(UsageError, match="neither set has a column 'sed'"):
        synthgen.join(frame, synthetic, tmp_path / "joined", leave_out=["sed"])


def test_all_that_does_not_go_together_is_told_at_once(
    synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = frame_of(tmp_path).assign(seed="one", prompt=1, synthetic="no")
    frame["label"] = frame["label"].replace("builder", "smith")
    frame["image"] = [row["picture"] for row in rows()]
    frame.to_parquet(tmp_path / "real.parquet")
    arguments = ["join", str(tmp_path / "real.parquet"), str(synthetic), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "--json"]) == 2
    (error,) = envelope(capsys.readouterr().out)["errors"]
    head, *lines = error["message"].splitlines()
    assert head == "5 reasons why the two sets do not go together:"
    parts = ["'builder'", "'smith'", "column 'seed'", "column 'prompt'", "'synthetic'"]
    for line, part in zip(lines, parts, strict=True):
        assert part in line
    assert "--leave-out seed --leave-out prompt --leave-out synthetic leaves them out" in error["hint"]
    assert "--" not in error["message"]


def test_hostile_names_come_out_as_they_went_in(tmp_path: Path) -> None:
    names = list({folded(name): name.strip() for name in NAMES}.values())
    columns = {"image": [picture(number) for number in range(len(names))], "label": names}
    real = pd.DataFrame(columns | {"note": names})
    joined = synthgen.join(real, pd.DataFrame(columns), tmp_path / "joined")
    assert set(joined.summary.classes) == set(names)
    train = loaded(tmp_path / "joined")["train"]
    assert set(train.features["label"].names) == set(names)
    assert Counter(train["class"]) == Counter(dict.fromkeys(names, 2))
    assert {row["note"] for row in train if not row["synthetic"]} == set(names)
    assert {path.name for path in tmp_path.iterdir()} == {"joined", "cache of joined"}
