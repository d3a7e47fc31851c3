"""A preview: some attempts, judged as a run would, and committed nowhere."""

from collections.abc import Iterator

from synthgen.ledger.columns import LedgerRow
from synthgen.ledger.rows import ledger_row
from synthgen.planning import Plan, first_candidates
from synthgen.records import Shard
from synthgen.running.shard.encode import thumbnail, to_host
from synthgen.running.shard.filling import Filling
from synthgen.running.shard.models import Models
from synthgen.running.shard.protocols import Generator, Judge


def preview(plan: Plan, generator: Generator, judge: Judge, count: int) -> Iterator[LedgerRow]:
    """Load the models; the iterator makes the ledger's rows of `count` attempts.

    They are aimed at all cells of the plan in turn: see `turns`.

    Raises:
        ModelError, DeviceError: nothing can be rendered or judged.
    """
    models = Models(generator, judge)
    models.set_up()
    return _rows(plan, models, count)


def _rows(plan: Plan, models: Models, count: int) -> Iterator[LedgerRow]:
    generator, judge = models.generator, models.judge
    judge.begin_shard()
    filling, wanted = Filling(plan, Shard(0, plan.cells)), first_candidates(plan, count)
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
            yield ledger_row(filling.apply(one, assessment), small, None)
