"""Files of a dataset on the hub: those of its own repository, on the hub or in the cache of this machine."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets.own_folder import MOST_BYTES, TOO_LARGE, OwnFolder

_ARCHIVES = re.compile(r"(bz2|gzip|lz4|tar|xz|zip|zstd)://[^:]*")


@dataclass(frozen=True)
class HubFiles:
    """An `Opener` for a dataset on the hub. It opens files of its repository, and nothing else that its rows name.

    Attributes:
        repository: such as 'owner/name'.
    """

    repository: str

    def read(self, name: str) -> bytes | LeftOut:
        if "://" not in name:
            return self._downloaded.read(name)
        if not self._is_own(name):
            hint = "A set's images must be in its own repository."
            return LeftOut(f"whose path leads outside the repository {self.repository}", hint=hint)
        return _fetch(name)

    def check(self, files: Mapping[object, Iterable[str]]) -> None:
        """Check that all data files are in the repository.

        Args:
            files: by split, as `datasets` found them from the repository's card.

        Raises:
            UsageError: a file is elsewhere.
        """
        for url in (url for several in files.values() for url in several):
            if not self._is_own(url):
                hint = "Download what you trust of it, and name the folder."
                raise UsageError(f"{self.repository}: its card names data outside the repository", hint=hint)

    def _is_own(self, url: str) -> bool:
        *archives, file = url.split("::")
        inside = re.fullmatch(rf"hf://datasets/{re.escape(self.repository)}(@[^/]+)?/(.+)", file)
        return bool(inside) and ".." not in file.split("/") and all(map(_ARCHIVES.fullmatch, archives))

    @cached_property
    def _downloaded(self) -> OwnFolder:
        """The repository in the cache of huggingface_hub, and what `datasets` extracted from its archives."""
        from datasets import config
        from datasets.utils.file_utils import hash_url_to_filename
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        cached = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=self.repository, repo_type="dataset")).resolve()
        files = (os.path.abspath(file) for file in cached.glob("snapshots/**/*"))
        extracted = (Path(config.EXTRACTED_DATASETS_PATH, hash_url_to_filename(file)) for file in files)
        return OwnFolder((cached, *(folder.resolve() for folder in extracted if folder.exists())), (cached,))


def _fetch(url: str) -> bytes | LeftOut:
    from datasets.utils.file_utils import xopen

    try:
        with xopen(url, "rb") as file:
            content: bytes = file.read(MOST_BYTES + 1)
    # fsspec's many file systems raise errors of many types, and each concerns only this one image.
    except Exception as error:
        return LeftOut("that cannot be fetched", str(error) or type(error).__name__)
    return content if len(content) <= MOST_BYTES else TOO_LARGE
