"""What the folder of a diffusers pipeline may hold."""

from pathlib import Path, PurePath

from synthgen.bounded import read_object
from synthgen.errors import UsageError, first_line
from synthgen.models.content import check_regular, files_of


def check_pipeline_files(folder: Path) -> None:
    """Refuse a folder whose files point to weights outside it, or to another model.

    Raises:
        UsageError: there is such a file.
    """
    hint = "A model's folder must contain the whole model: download it again."
    check_regular(folder)
    for file in sorted(files_of(folder)):
        if file.name == "adapter_config.json":
            raise UsageError(f"{file}: an adapter names another model to load", hint=hint)
        if not file.name.endswith(".index.json"):
            continue
        try:
            content = read_object(file)
        except (OSError, ValueError) as error:
            raise UsageError(f"{file} cannot be read: {first_line(error)}", hint=hint) from error
        shards = content.get("weight_map")
        for shard in shards.values() if isinstance(shards, dict) else ():  # without one, its loader refuses it
            if not isinstance(shard, str) or PurePath(shard).name != shard:
                raise UsageError(f"{file}: weight_map names {shard!r}, which is not a file beside it", hint=hint)
