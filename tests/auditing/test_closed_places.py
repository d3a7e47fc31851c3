"""Places that this user may not look into: another user's folders, and files below them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auditing.portraits import ATTRIBUTES, as_csv, as_folder, as_parquet, table

# A superuser may look everywhere, unless the right to pass over modes is dropped before a program is started.
DROPPED = """
import ctypes, os, sys
for right in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by PR_CAPBSET_DROP
    ctypes.CDLL(None).prctl(24, right, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
CALLS = """
import pandas, synthgen
from synthgen.auditing.places import output_folder
from synthgen.errors import StorageError

people = pandas.DataFrame({"label": ["a", "b"] * 4, "skin": ["x", "y"] * 4})
calls = {
    "folder": lambda: synthgen.audit("closed/folder"),
    "run": lambda: synthgen.audit("closed"),
    "its dataset": lambda: synthgen.audit("closed/dataset"),
    "list": lambda: synthgen.audit("closed/list/list.csv", known={"skin": "skin"}),
    "Parquet": lambda: synthgen.audit("closed/parquet/all.parquet", known={"skin": "skin"}),
    "reference": lambda: synthgen.audit("list/list.csv", known={"skin": "skin"}, reference="closed/list/list.csv"),
    "compare": lambda: synthgen.audit("list/list.csv", known={"skin": "skin"}, compare="closed/parquet"),
    "attributes": lambda: synthgen.audit("list/list.csv", attributes="closed/attributes.yaml", known={"skin": "skin"}),
    "labels": lambda: synthgen.audit("list/list.csv", known={"skin": "skin"}, labels="closed/labels.csv"),
    "matrix": lambda: synthgen.audit("list/list.csv", known={"skin": "skin"}, confusions="closed/matrix.csv"),
    "earlier": lambda: synthgen.audit(people, known={"skin": "skin"}, since=["closed"]),
    "to label": lambda: synthgen.export_labels("closed/folder", 2, "out", attributes="attributes.yaml"),
    "status": lambda: synthgen.status("closed"),
    "verify": lambda: synthgen.verify("closed"),
}
for name, call in calls.items():
    try:
        call()
        print(name, "was read")
    except synthgen.SynthgenError as error:
        if error.exit_code not in (2, 5) or "ermission denied" not in str(error):
            print(name, repr(error))
    except OSError as error:
        print(name, repr(error))
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    closed = tmp_path / "closed"
    closed.mkdir()
    as_folder(closed / "folder", table()[:4])
    for folder in (tmp_path, closed):
        as_csv(folder / "list", table()[:4])
    as_parquet(closed / "parquet", table()[:4])
    closed.chmod(0)
    yield tmp_path
    closed.chmod(0o700)


def without_rights(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DROPPED, *arguments]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes of this system do not close folders")
def test_what_may_not_be_read_is_refused_by_name_wherever_it_is_given(home: Path) -> None:
    done = without_rights(home, "-W", "ignore", "-c", CALLS)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes of this system do not close folders")
def test_the_command_line_names_the_closed_place(home: Path) -> None:
    done = without_rights(home, "-m", "synthgen", "audit", "closed/folder")
    assert done.returncode == 5
    assert "closed/folder" in done.stderr
    assert "ermission denied\nGive this user the right to read" in done.stderr
