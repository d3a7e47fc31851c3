"""A preview: some attempts, judged as a run would, and committed nowhere."""

from collections.abc import Iterator
from itertools import zip_longest

from synthgen.plan import Filling, Plan, draw_candidate
from synthgen.records import Cell, Shard
from synthgen.run.encode import thumbnail, to_host
from synthgen.run.protocols import Generator, Judge
from synthgen.run.rows import Row, ledger_row


def preview(plan: Plan, generator: Generator, judge: Judge, count: int) -> Iterator[Row]:
    """The ledger's rows of `count` attempts, aimed at all cells of the plan in turn: see `turns`.

    Raises:
        ModelError, DeviceError: nothing can be rendered or judged.
    """
    generator.setup()
    judge.setup()
    judge.begin_shard()
    filling, cells = Filling(plan, Shard(0, plan.cells)), turns(plan.cells)
    wanted = [draw_candidate(plan, 0, attempt, cells[attempt % len(cells)]) for attempt in range(count)]
    while wanted:
        size = min(generator.batch_size, plan.window)
        batch, wanted = wanted[:size], wanted[size:]
        rendered = generator.render(batch)
        images = [one.image for one in rendered if one.image is not None]
        assessments = iter(judge.assess([one for one in rendered if one.image is not None]) if images else ())
        pixels = iter(to_host(images))
        for one in rendered:
            assessment = None if one.image is None else next(assessments)
            small = None if one.image is None else thumbnail(next(pixels))
            yield ledger_row(filling.apply(one, assessment), small, None)


def turns(cells: tuple[Cell, ...]) -> list[Cell]:
    """The first cell of every class, then the second of every class, and so on: no class is seen twice before all
    were seen once. Classes begin at different cells, so that the first round does not show one value alone."""
    classes: dict[str, list[Cell]] = {}
    for cell in cells:
        classes.setdefault(cell.class_name, []).append(cell)
    turned = [own[place % len(own) :] + own[: place % len(own)] for place, own in enumerate(classes.values())]
    return [cell for turn in zip_longest(*turned) for cell in turn if cell is not None]
