"""Where an adapter comes from, pinned: a file with its hash; of a hub id, also the commit."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import ModelError, first_line
from synthgen.files import expanded
from synthgen.models.adapter_header import AdapterHeader, read_header
from synthgen.models.door import download_files
from synthgen.models.source import hub_failure, locate
from synthgen.records import TunedOn
from synthgen.spec import AdapterSpec

PINNED = re.compile(r"([0-9a-f]{40} )?sha256:[0-9a-f]{64}")
"""How a plan writes the revision of an adapter."""
TUNED_KEY = "synthgen.tuned_on"
"""Where the file of an adapter says what it was tuned on."""


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """An adapter that is on this machine.

    Attributes:
        revision: `sha256:` and the hash of the file; of a hub id, the commit before it.
    """

    spec: AdapterSpec
    path: Path
    revision: str
    header: AdapterHeader

    @property
    def license(self) -> str | None:
        """What the spec says of its licence, or else the file itself."""
        return self.spec.license or self.header.about.get("modelspec.license", "")[:200] or None

    @property
    def tuned(self) -> TunedOn | None:
        """What `synthgen tune` trained it on; None if the file does not say, or nothing that could be."""
        try:
            return TunedOn.read(json.loads(self.header.about.get(TUNED_KEY, "null")))
        except (ValueError, RecursionError):
            return None


def find_adapter(spec: AdapterSpec, planned: str | None = None, *, bundled: Path | None = None) -> AdapterFile:
    """Find an adapter and pin it; download it from the hub if the cache lacks it. Its weights are not read.

    Args:
        planned: the revision that a plan has; the file must be of it.
        bundled: its file, if it ships with synthgen.

    Raises:
        ModelError: there is no such file, or it has changed since it was planned.
        ModelUnavailable: the hub cannot be reached, and the cache lacks it.
        UsageError: the file is hostile, or a folder has the name of the hub model.
    """
    commit = ""
    if spec.is_hub:
        commit = (
            planned.partition(" ")[0] if planned else locate(spec.id, spec.revision, marks=(spec.file_name,)).revision
        )
        path = _downloaded(spec, commit)
    else:
        path = bundled or expanded(spec.id)
        if path.is_dir() and (path / spec.file_name).is_file():
            path /= spec.file_name
    header = read_header(path)
    revision = f"{commit} sha256:{header.sha256}".strip()
    if planned not in (None, revision):
        raise ModelError(
            f"adapter {spec.id} is not the one that the run was planned with: {revision} here, {planned} there",
            hint="Put the same file there, or start a new run in another `location`.",
        )
    return AdapterFile(spec, path, revision, header)


def _downloaded(spec: AdapterSpec, commit: str) -> Path:
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(spec.id, spec.file_name, revision=commit)
    if isinstance(cached, str):
        return Path(cached)
    try:
        path = download_files(spec.id, commit, [spec.file_name]) / spec.file_name
    except (OSError, RuntimeError, ValueError) as error:
        what = f"adapter {spec.id} cannot be downloaded: {first_line(error)}"
        raise hub_failure(error)(what, hint="Check its `id` and the network.") from error
    if not path.is_file():
        hint = "Name the file of the adapter with its key `file`."
        raise ModelError(f"adapter {spec.id} has no file {spec.file_name} on the hub", hint=hint)
    return path
