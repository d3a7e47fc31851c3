"""Where a run is kept: files by name, in a folder or in a bucket."""

from synthgen.files import MissingFileError
from synthgen.store.folder_store import FolderStore
from synthgen.store.locations import Location, open_store
from synthgen.store.store import RunStore

__all__ = ["FolderStore", "Location", "MissingFileError", "RunStore", "open_store"]
