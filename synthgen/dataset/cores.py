"""Work that releases the interpreter's lock, on as many threads as there are cores, in order and a little ahead."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from synthgen.cores import cores

T = TypeVar("T")
R = TypeVar("R")


def on_all_cores(work: Callable[[T], R], values: Iterable[T]) -> Iterator[R]:
    """Yield `work(value)` of each value, in their order. At most two results for each core wait to be taken."""
    threads = cores()
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for value in values:
                waiting.append(pool.submit(work, value))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def ahead(values: Iterable[T]) -> Iterator[T]:
    """Yield the values, of which the next one is made on another thread meanwhile."""
    iterator, nothing = iter(values), object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, iterator, nothing)
        while (value := coming.result()) is not nothing:
            coming = pool.submit(next, iterator, nothing)
            yield value  # type: ignore[misc]


def chained_ahead(several: Iterable[Iterable[T]]) -> Iterator[T]:
    """Yield the values of one iterable after the other. Meanwhile, threads make the next one, and the first after it.

    The first of the next iterable is made beside the last of this one: each may wait for the disk.
    """
    iterators, nothing = map(iter, several), object()
    with ThreadPoolExecutor(2) as pool:

        def begun() -> "tuple[Iterator[T], Future[T | object]] | None":
            iterator = next(iterators, None)
            return None if iterator is None else (iterator, pool.submit(next, iterator, nothing))

        this, after = begun(), begun()
        while this is not None:
            iterator, coming = this
            if (value := coming.result()) is nothing:
                this, after = after, begun()
            else:
                this = iterator, pool.submit(next, iterator, nothing)
                yield value  # type: ignore[misc]
