"""A preview: some attempts, judged as a run would, and committed nowhere."""

from collections.abc import Iterator, Sequence
from typing import cast

from synthgen.ledger.columns import EMBEDDING, LedgerRow
from synthgen.ledger.rows import ledger_row
from synthgen.planning import Plan
from synthgen.records import Candidate, Shard
from synthgen.running.shard.encode import thumbnail, to_host
from synthgen.running.shard.filling import Filling
from synthgen.running.shard.models import Models
from synthgen.running.shard.protocols import Generator, Judge


def preview(plan: Plan, generator: Generator, judge: Judge, candidates: Sequence[Candidate]) -> Iterator[LedgerRow]:
    """Load the models; the iterator makes the ledger's rows of the candidates, with the embeddings of their images.

    Args:
        candidates: of the first shard, numbered from 0.

    Raises:
        ModelError, DeviceError: nothing can be rendered or judged.
    """
    models = Models(generator, judge)
    models.set_up()
    return _rows(plan, models, candidates)


def _rows(plan: Plan, models: Models, candidates: Sequence[Candidate]) -> Iterator[LedgerRow]:
    generator, judge = models.generator, models.judge
    judge.begin_shard()
    filling, wanted = Filling(plan, Shard(0, plan.cells)), list(candidates)
    while wanted:
        size = min(generator.batch_size, plan.window)
        batch, wanted = wanted[:size], wanted[size:]
        with models.ending("making the preview"):
            rendered = generator.render(batch)
            images = [one.image for one in rendered if one.image is not None]
            assessments = iter(judge.assess([one for one in rendered if one.image is not None]) if images else ())
        pixels = iter(to_host(images))
        for one in rendered:
            assessment = None if one.image is None else next(assessments)
            small = None if one.image is None else thumbnail(next(pixels))
            embedding = None if assessment is None else assessment.embedding
            row = ledger_row(filling.apply(one, assessment), small, None)
            yield cast("LedgerRow", {**row, EMBEDDING: embedding})
