"""A preview: some attempts, judged as a run would, and committed nowhere."""

from collections.abc import Iterator

from synthgen.plan import Filling, Plan
from synthgen.run.encode import thumbnail, to_host
from synthgen.run.protocols import Generator, Judge
from synthgen.run.rows import Row, ledger_row


def preview(plan: Plan, generator: Generator, judge: Judge, count: int) -> Iterator[Row]:
    """The ledger's rows of the first `count` attempts of the plan's first shard.

    Raises:
        ModelError, DeviceError: nothing can be rendered or judged.
    """
    generator.setup()
    judge.setup()
    judge.begin_shard()
    filling = Filling(plan, plan.shard(0))
    while filling.attempts < count:
        rendered = generator.render(filling.propose(min(generator.batch_size, plan.window)))
        images = [one.image for one in rendered if one.image is not None]
        assessments = iter(judge.assess([one for one in rendered if one.image is not None]) if images else ())
        pixels = iter(to_host(images))
        for one in rendered:
            assessment = None if one.image is None else next(assessments)
            small = None if one.image is None else thumbnail(next(pixels))
            judged = filling.apply(one, assessment)
            if one.candidate.attempt < count:
                yield ledger_row(judged, small, None)
