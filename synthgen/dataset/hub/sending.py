"""Making a repository the dataset: in one commit, or for many files in several, and checked afterwards."""

from collections.abc import Callable

from synthgen.dataset.hub.contents import Contents
from synthgen.dataset.hub.difference import RepositoryDifference, compare, parts
from synthgen.dataset.hub.repository import MAIN, Look, Repository, blob_of
from synthgen.errors import Interrupted, StorageError
from synthgen.events import OnProgress, StepProgress

_MB = 10**6


def compared(contents: Contents, look: Look) -> RepositoryDifference:
    """Compare a dataset with a repository as it was seen."""
    return compare(contents.files, look.files, blob_of)


def send(
    hub: Repository,
    look: Look,
    contents: Contents,
    difference: RepositoryDifference,
    message: str,
    *,
    private: bool,
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> tuple[Look, int]:
    """Send what the repository lacks, delete what the dataset lacks, and check that the two are the same then.

    Args:
        look: the repository as it is; it is created if there is none.
        private: for a repository that is created.

    Returns:
        The repository as it is now, and how many commits were made.

    Raises:
        UsageError: the Hub refuses.
        StorageError: it cannot be reached, or the repository is not the dataset afterwards.
        Interrupted: `stop` said so.
    """

    def check() -> None:
        if stop():
            hint = "Run the same command again. What has arrived is not sent again."
            raise Interrupted(f"interrupted: {hub.name} does not have the whole dataset yet", hint=hint)

    check()
    now = look
    if look.is_private is None:
        hub.make(private=private)
    if look.commit is None:
        if hub.branch != MAIN:
            hub.branch_off()
        now = hub.look()
    todo, done = [] if difference.is_none else list(parts(difference)), 0
    total = sum(file.size for part in todo for file in part.files)

    def on_bytes(count: int) -> None:
        nonlocal done
        done += count
        on_progress(StepProgress("uploading", "MB", -(-done // _MB), -(-total // _MB)))

    if todo:
        on_bytes(0)
    for number, part in enumerate(todo, start=1):
        of = f" (part {number} of {len(todo)})" if len(todo) > 1 else ""
        try:
            hub.commit(part, f"{message}{of}", now.commit, on_bytes, check)
        except StorageError:
            # The answer to a commit may get lost when the commit is there.
            if number < len(todo) or not compared(contents, hub.look()).is_none:
                raise
        now = hub.look()
    left = compared(contents, now)
    if not left.is_none:
        lacking = [*(file.name for file in (*left.new, *left.changed)), *left.others]
        what = f"{hub.name} is not the dataset after the commit: look at {lacking[0]}"
        raise StorageError(what, hint="Has it a .gitignore, or did somebody else commit to it meanwhile? Run again.")
    return now, len(todo)
