"""An audit of a set of which much is left out fails, unless that is allowed."""

from pathlib import Path

import pytest

import synthgen
from synthgen.errors import UsageError
from tests.auditing.audits import asked
from tests.auditing.portraits import ATTRIBUTES, as_folder, table

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def damaged(folder: Path, many: int) -> Path:
    """Twelve images, so many of which are pointers."""
    rows = [dict(row, image=POINTER) if number < many else row for number, row in enumerate(table())]
    return as_folder(folder / "damaged", rows)


@pytest.mark.parametrize(
    ("many", "allowed", "outcome"), [(1, 0.1, None), (2, 0.1, "fail"), (2, 0.2, None), (1, 0.0, "fail"), (6, 0.5, None)]
)
def test_a_large_share_that_is_left_out_fails(
    many: int, allowed: float, outcome: str | None, folder: Path, tmp_path: Path
) -> None:
    found = synthgen.audit(damaged(tmp_path, many), allow_left_out=allowed, **asked(folder))
    assert found.outcome == outcome
    assert found.findings.images == 12 - many
    assert any("Git LFS pointers" in note for note in found.notes)
    if outcome:
        (gate,) = found.findings.gates
        assert f"{many} of 12 images were left out, those that are Git LFS pointers" in gate.reason


def test_the_reference_is_held_to_the_same_share(folder: Path, tmp_path: Path) -> None:
    found = synthgen.audit(folder / "set", reference=damaged(tmp_path, 6), **asked(folder))
    assert found.outcome == "fail"


@pytest.mark.parametrize("share", [-0.1, 1.1, "0.1", True])
def test_a_share_is_a_number_from_0_to_1(share: object) -> None:
    with pytest.raises(UsageError, match="expected a share from 0 to 1"):
        synthgen.AuditQuery(allow_left_out=share)  # type: ignore[arg-type]


@pytest.mark.parametrize("targets", [None, {"skin_tone": "uniform"}])
def test_a_note_says_that_a_balance_goes_before_the_reference(
    targets: dict[str, str] | None, folder: Path, tmp_path: Path
) -> None:
    balanced = tmp_path / "balanced.yaml"
    balanced.write_text(ATTRIBUTES + "balance: [{attribute: skin_tone, target: uniform}]\n")
    query = asked(folder) | {"attributes": balanced, "reference": folder / "set", "targets": targets}
    found = synthgen.audit(folder / "set", **query)
    assert any("the target of skin_tone is the spec's `balance`" in note for note in found.notes) == (targets is None)
