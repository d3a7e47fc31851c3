"""Drive every family through the command line, and keep what came out: `python -m tests.families.sweep`.

Each family's facts are kept in `--work` as they come, and not measured again with the same versions; the last step
writes them into docs/figures/families.json, from which `python -m tests.families.page` writes the page's table.
"""

import argparse
import json
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
from diffusers.utils import logging

from tests.families.driving import Facts, drive
from tests.families.measured import DATA
from tests.families.schedulers import drive_schedulers
from tests.generating.families import FAMILIES

VERSIONS = {name: version(name) for name in ("diffusers", "transformers", "torch")}
AS_PROCESSES = ("stable-diffusion-xl", "flux-dev", "z-image", "qwen-image", "sana-sprint", "hunyuan-image")
"""One for each way of guidance: a run of these has a process of its own. Others share the process of this program."""


def tasks() -> Iterator[tuple[str, str, Callable[[Path], Facts]]]:
    """Yield what is measured: its table, its name there, and how."""
    for name, family in FAMILIES.items():
        yield (
            "families",
            name,
            lambda folder, family=family, name=name: drive(  # type: ignore[misc]
                family, folder, processes=name in AS_PROCESSES
            ),
        )
    yield from drive_schedulers()


def measure(work: Path, wanted: list[str]) -> list[str]:
    """Measure what is not there yet, and return what failed."""
    failed = []
    for table, name, drive_one in tasks():
        file = work / table / f"{name}.json"
        if (wanted and name not in wanted and table not in wanted) or (not wanted and _is_current(file)):
            continue
        folder = work / "folders" / table / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            facts = drive_one(folder)
        except Exception as error:  # the others are measured, too
            traceback.print_exc()
            failed.append(name)
            facts = {"fault": str(error)[:2000]}
        file.parent.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).date().isoformat()
        file.write_text(json.dumps({"date": now, "versions": VERSIONS, **facts}, indent=1), encoding="utf-8")
        print(f"{table} {name}: {facts.get('fault') or facts.get('seconds', '')}", flush=True)
        shutil.rmtree(folder)
    return failed


def _is_current(file: Path) -> bool:
    if not file.exists():
        return False
    facts = json.loads(file.read_text(encoding="utf-8"))
    return facts["versions"] == VERSIONS and "fault" not in facts


def collect(work: Path) -> None:
    """Write all facts into the one file that is kept."""
    found: dict[str, dict[str, Facts]] = {}
    dates = []
    for table, name, _ in tasks():
        file = work / table / f"{name}.json"
        if file.exists():
            facts = json.loads(file.read_text(encoding="utf-8"))
            dates.append(facts.pop("date"))
            facts.pop("versions")
            found.setdefault(table, {})[name] = facts
    whole = {"measured": {"from": min(dates), "to": max(dates)}, "versions": VERSIONS, **found}
    DATA.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Measure, and write the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="families, or whole tables; those are measured again")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "synthgen-families")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable_progress_bar()
    failed = measure(given.work.absolute(), given.names)
    collect(given.work.absolute())
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
