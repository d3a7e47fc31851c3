"""`provenance.json` in the dataset's folder: by what it was made, for programs. docs/provenance.md has its keys."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from synthgen.dataset.provenance import Provenance
from synthgen.dataset.summary import DatasetSummary
from synthgen.seal import seal
from synthgen.store.layout import ORIGIN
from synthgen.version import __version__

_FORMAT = 1


def write_origin(folder: Path, summary: DatasetSummary, provenance: Provenance) -> None:
    """Write the file, with its own sha256 as its last entry."""
    content = {
        "format": _FORMAT,
        "written_by": f"synthgen {__version__}",
        "dataset": {
            "name": summary.name,
            "fingerprint": summary.inputs,
            "images": {split.name: split.rows for split in summary.splits},
            "format": str(provenance.format),
        },
        **provenance.origin,
        "marks": _marks(provenance),
        "signed_by": asdict(provenance.signed_by) if provenance.signed_by else None,
    }
    (folder / ORIGIN).write_text(seal(json.dumps(content, indent=1, ensure_ascii=False)), "utf-8")


def _marks(provenance: Provenance) -> Mapping[str, object] | None:
    """Say what each image says of itself."""
    if (marking := provenance.marking) is None:
        return None
    return {"source_type": marking.source_type, **marking.says.model_dump(mode="json")}
