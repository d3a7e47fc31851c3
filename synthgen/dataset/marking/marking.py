"""Marking the images of a run: what all of them say, and what each says by its row."""

from collections.abc import Mapping
from dataclasses import dataclass

from synthgen.dataset.marking.mark import ImageFacts, mark
from synthgen.errors import StorageError
from synthgen.spec.marks import Marks


@dataclass(frozen=True, slots=True)
class Marking:
    """Marks a picture with what its row says, and what is the same for all images of a run.

    Attributes:
        source_type, system, version, plan: see `ImageFacts`.
        says: which of the facts are said.
    """

    says: Marks
    source_type: str
    system: str
    version: str
    plan: str

    def __str__(self) -> str:
        said = [name for name in ("system", "version", "prompt", "id", "seed") if getattr(self.says, name)]
        writer = [f"prompt writer {self.says.prompt_writer}"] if self.says.prompt_writer else []
        return f"each image says in its metadata (XMP): {', '.join([self.source_type, *said, *writer])}"

    def facts_of(self, row: Mapping[str, object]) -> ImageFacts:
        """Collect what is said of the image of a row, from its `id`, `prompt`, `negative_prompt` and `seed`."""
        says, seed = self.says, row.get("seed")
        return ImageFacts(
            source_type=self.source_type,
            system=self.system if says.system else None,
            version=self.version if says.version else None,
            prompt=_prompt_of(row) if says.prompt else None,
            prompt_writer=says.prompt_writer,
            id=str(row["id"]) if says.id else None,
            plan=self.plan if says.id else None,
            seed=seed if says.seed and isinstance(seed, int) else None,
        )

    def of_sheet(self, picture: bytes) -> bytes:
        """Return a picture that shows images of the run, marked with what is the same for all of them."""
        says = self.says
        system, version = self.system if says.system else None, self.version if says.version else None
        return mark(picture, ImageFacts(self.source_type, system, version, plan=self.plan if says.id else None))

    def __call__(self, picture: bytes, row: Mapping[str, object]) -> bytes:
        """Return the picture with its mark.

        Raises:
            StorageError: it is damaged.
        """
        try:
            return mark(picture, self.facts_of(row))
        except ValueError as error:
            what = f"the picture of image {row['id']} cannot be marked: {error}"
            raise StorageError(what, hint="Run `synthgen verify` on the run folder.") from error


def _prompt_of(row: Mapping[str, object]) -> str | None:
    """Put both prompts together, as IPTC's property is for both."""
    prompt, negative = row.get("prompt"), row.get("negative_prompt")
    if not isinstance(prompt, str):
        return None
    return f"{prompt}\nNegative prompt: {negative}" if negative else prompt
