"""Where a process begins: `synthgen`, and `python -m synthgen`, which is the same."""

import atexit
import gc


def main() -> None:
    """Run the command line; the process ends with its exit code.

    The collector of garbage does not look through what imports leave: not while they run, not later, and not at the
    end, when all memory is given back at once. That was a third of the time of `plan`.
    """
    gc.disable()
    atexit.register(gc.freeze)
    from synthgen import cli

    gc.freeze()
    gc.enable()
    cli.main()


if __name__ == "__main__":
    main()
