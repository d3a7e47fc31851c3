"""Marking the images of a run: what all of them say, and what each says by its row."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from synthgen.dataset.marking.containers import with_packets
from synthgen.dataset.marking.mark import ImageFacts, mark, packets
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

    @property
    def _shared(self) -> ImageFacts:
        """What all images say."""
        says = self.says
        return ImageFacts(
            source_type=self.source_type,
            system=self.system if says.system else None,
            version=self.version if says.version else None,
            prompt_writer=says.prompt_writer,
            plan=self.plan if says.id else None,
        )

    def of_sheet(self, picture: bytes) -> bytes:
        """Return a picture that shows images of the run, marked with what is the same for all of them."""
        return mark(picture, replace(self._shared, prompt_writer=None))

    def __call__(self, pictures: pa.Array, rows: pa.RecordBatch) -> pa.Array:
        """Return the pictures with their marks, by `id`, `prompt`, `negative_prompt` and `seed` of their rows.

        Raises:
            StorageError: one is damaged.
        """
        said, shared = [*self._said(rows)], self._shared
        if (marked := with_packets(pictures, packets(shared, said))) is not None:
            return marked
        several = zip(pictures.to_pylist(), said, rows["id"].to_pylist(), strict=True)
        return pa.array([_marked(picture, shared, *row) for picture, *row in several], pictures.type)

    def _said(self, rows: pa.RecordBatch) -> Iterator[tuple[str | None, str | None, int | None]]:
        """Yield what each image says by its row: prompt, id, seed."""

        def column(name: str, is_said: bool) -> list[object]:
            return rows[name].to_pylist() if is_said and name in rows.schema.names else [None] * rows.num_rows

        says = self.says
        prompts = map(_both, column("prompt", says.prompt), column("negative_prompt", says.prompt))
        ids = (None if one is None else str(one) for one in column("id", says.id))
        seeds = (one if isinstance(one, int) else None for one in column("seed", says.seed))
        return zip(prompts, ids, seeds, strict=True)


def _marked(
    picture: bytes, shared: ImageFacts, said: tuple[str | None, str | None, int | None], image_id: object
) -> bytes:
    prompt, name, seed = said
    try:
        return mark(picture, replace(shared, prompt=prompt, id=name, seed=seed))
    except ValueError as error:
        what = f"the picture of image {image_id} cannot be marked: {error}"
        raise StorageError(what, hint="Run `synthgen verify` on the run folder.") from error


def _both(prompt: object, negative: object) -> str | None:
    """Put both prompts together, as IPTC's property is for both."""
    if not isinstance(prompt, str):
        return None
    return f"{prompt}\nNegative prompt: {negative}" if negative else prompt
