"""Interrupt a run after its first shard, read its progress, and resume it."""

import synthgen

SPEC = {
    "synthgen": 1,
    "name": "interrupted",
    "model": {"id": "bundled:workers", "steps": 6, "guidance": 1.5, "batch_size": 4},
    "classes": {"doctor": 6},
    "prompts": {"templates": ["a {class}"]},
    "filters": {"quality": {}},
    "output": {"shard_size": 2},
}
RUN = "outputs/interrupted"


def main() -> None:
    spec, committed = synthgen.load_spec(SPEC), list[int]()

    def on_progress(event: synthgen.RunStarted | synthgen.Progress | synthgen.StepProgress) -> None:
        if isinstance(event, synthgen.Progress) and event.committed:
            committed.append(event.shard)

    try:
        # `stop` is called between batches. Ctrl-C on the command line has the same effect.
        synthgen.run(spec, RUN, on_progress=on_progress, stop=lambda: bool(committed))
    except synthgen.Interrupted as error:
        print(error)

    _, state = synthgen.status(RUN)
    print(f"{len(state.done)} of {state.shard_count} shards are committed")

    result = synthgen.run(spec, RUN)  # the same call again
    print(f"{result.fresh} shards made by the second call, {result.missing} images missing")


if __name__ == "__main__":
    main()
