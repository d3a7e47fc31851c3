"""Reads files that other projects made to test their readers: each must be read, left out or refused, all by name.

    python -m tests.benchmarks.foreign_files FOLDER

FOLDER is a checkout of Pillow's `Tests/images`, of apache/parquet-testing or of yaml/yaml-test-suite, or any other.
Every picture is decoded, every table is opened as a set and audited by a known column, and every YAML document, whole
and as it stands in a file of yaml-test-suite, is read as a spec. Nothing of those projects is kept. It fails if
anything but an error of synthgen's own comes up.
"""

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
import yaml

import synthgen
from synthgen.errors import SynthgenError
from synthgen.images import LeftOut, decode
from synthgen.sets import open_set, read_frame
from synthgen.sets.image_folder import is_image
from synthgen.spec import decoded, parse_spec

_TABLES = (".parquet", ".csv", ".tsv", ".zip", ".tar", ".gz", ".tgz")
_MOST_BYTES = 64 * 2**20

_MARKS = {"␣": " ", "»": "\t", "—": "", "←": "\r", "⇔": "\ufeff", "↵": "", "∎": ""}
"""How the suite shows white space."""


def main(folder: Annotated[Path, typer.Argument(help="The files to read.")]) -> None:
    """Read every file below the folder, and print what came of them by their kind."""
    counts: Counter[tuple[str, str]] = Counter()
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size <= _MOST_BYTES):
        for kind, attempt in attempts(file):
            try:
                outcome = attempt()
            except SynthgenError as error:
                outcome = "refused" if str(error).strip() else "refused without a word"
            except Exception:
                outcome = "traceback"
                print(f"{kind} {file}", file=sys.stderr)
                traceback.print_exc()
            counts[kind, outcome] += 1
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind}: {outcome}: {count:,}")
    if any(outcome in ("traceback", "refused without a word") for _, outcome in counts):
        raise typer.Exit(1)


def attempts(file: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what may be done with a file, each with the kind of it."""
    if is_image(file):
        yield "picture", lambda: _picture(file)
    if file.suffix in _TABLES:
        yield "table", lambda: _table(file)
    if file.suffix in (".yaml", ".yml"):
        yield "YAML", lambda: _spec(file.read_bytes())
        for document in _inside(file):
            yield "YAML within", lambda text=document: _spec(text)  # type: ignore[misc]


def _picture(file: Path) -> str:
    return "left out" if isinstance(decode(file.read_bytes()), LeftOut) else "read"


def _table(file: Path) -> str:
    found = open_set(file)
    columns = [name for name in found.columns if len(set(map(str, found.table([name])[name]))) > 1]
    if not columns:
        return "opened, nothing to measure"
    label, known = columns[0], columns[-1]
    read_frame(found, label, {"known": known})
    synthgen.audit(file, label=label, known={"known": known}).to_dict()
    return "audited"


def _spec(content: bytes) -> str:
    parse_spec(decoded(content, "spec.yaml"))
    return "read"


def _inside(file: Path) -> Iterator[bytes]:
    """Yield the documents that a file of yaml-test-suite has in it, with the marks for blanks replaced."""
    try:
        entries = yaml.load(file.read_text(), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return
    for entry in entries if isinstance(entries, list) else ():
        text = entry.get("yaml") if isinstance(entry, Mapping) else None
        if isinstance(text, str):
            marks: dict[str, str | int | None] = {
                "␣": " ",
                "»": "\t",
                "—": "",
                "←": "\r",
                "⇔": "\ufeff",
                "↵": "",
                "∎": "",
            }
            yield text.translate(str.maketrans(marks)).encode()


if __name__ == "__main__":
    typer.run(main)
