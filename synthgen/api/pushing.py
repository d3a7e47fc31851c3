"""Publishing a dataset on the Hugging Face Hub: checked first, listed first, and in one commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthgen.api.arguments import PathInput, flag_of, text_of, text_of_path
from synthgen.api.published_folder import folder_of
from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.inert import inert
from synthgen.redaction import without_secrets

if TYPE_CHECKING:
    from synthgen.dataset.hub.contents import Contents
    from synthgen.dataset.hub.difference import RepositoryDifference
    from synthgen.dataset.hub.repository import Look, Repository

State = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class PushedFile:
    """A file of a published dataset.

    Attributes:
        size: in bytes.
        state: what it was to the repository before; None if the repository was not looked at.
    """

    name: str
    size: int
    state: State | None


@dataclass(frozen=True, slots=True)
class Pushed:
    """A dataset on the Hub, or, with `dry_run`, what would go there.

    Attributes:
        repository: `owner/name`; only `name` if nobody asked the Hub who the owner is.
        url: where it is on the Hub; None if the Hub was not asked.
        branch: the branch that was committed to.
        commit: the head of the branch now; None if there is none, or if the Hub was not asked.
        private: whether only its owners see it; None if that is not known.
        files: every file of the dataset.
        deleted: files that the repository had and the dataset does not have.
        left: files in the dataset's folder that are not part of the dataset, and were not sent.
        commits: how many commits this call made: 0 if the repository was this dataset already.
        dry_run: whether nothing was to be sent.
        unseen: why the Hub was not asked what is there; None if it was.

    Example:
        >>> listed = synthgen.push("outputs/quickstart", "portraits", dry_run=True)
        >>> listed.files[-1].name
        'synthgen.json'
    """

    repository: str
    url: str | None
    branch: str
    commit: str | None
    private: bool | None
    files: tuple[PushedFile, ...]
    deleted: tuple[str, ...]
    left: tuple[str, ...]
    commits: int
    dry_run: bool
    unseen: str | None = None

    def __repr__(self) -> str:
        what = "would push" if self.dry_run else "pushed" if self.commits else "was there already"
        return f"<Pushed {inert(self.repository)}: {len(self.files):,} files, {what}>"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def push(
    dataset: PathInput,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    replace: bool = False,
    dry_run: bool = False,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Pushed:
    """Publish a dataset on the Hugging Face Hub, as one commit.

    Every file is compared with its digest before anything is sent. Only the files that `synthgen.json` names are sent.
    The token is that of the environment (HF_TOKEN) or of `hf auth login`. The same dataset again changes nothing, and
    after a failure the next call sends only what is missing.

    A dataset of more than 1,000 files takes several commits. Between them the repository has a part of the dataset, and
    neither its card nor its `synthgen.json`; both come with the last one.

    Args:
        dataset: a run, its dataset's folder, or a folder that `export` or `join` wrote.
        repository: `owner/name`, or `name` for one of the user's own. It is created if there is none.
        private: create it so that only its owners see it.
        revision: a branch other than `main`. It is created from `main` if there is none.
        message: of the commit.
        replace: if the repository has other content, delete that in the same commit. Earlier commits keep it.
        dry_run: send nothing. Without a token, or if the network is switched off, the repository is not looked at.
        stop: is asked now and then whether to stop.

    Raises:
        UsageError: `dataset` is not a dataset; there is no token, or the Hub refuses it; the repository has other
            content.
        StorageError: a file is damaged, or the network or the Hub failed.
        Interrupted: `stop` said so.

    Example:
        >>> listed = synthgen.push("outputs/quickstart", "portraits", dry_run=True)
        >>> listed.commits
        0
    """
    text = text_of_path(dataset, "dataset")
    name = text_of(repository, "repository", "a repository such as owner/name")
    private, replace, dry_run = (
        flag_of(value, argument)
        for value, argument in ((private, "private"), (replace, "replace"), (dry_run, "dry_run"))
    )
    branch = _branch(revision)
    if message is not None and not text_of(message, "message", "a text").strip():
        raise UsageError("expected a text, found an empty one", argument="message")

    from synthgen.dataset.hub.repository import check_name, open_repository
    from synthgen.dataset.hub.sending import compared, send

    check_name(name)
    with folder_of(text, on_progress) as folder:
        unseen = _unseen()
        if unseen is not None and not dry_run:
            open_repository(name, branch)  # says so before files are read
        contents = _read(folder, on_progress)
        if unseen is not None:
            return _listed(contents, name, branch, unseen)
        hub = open_repository(name, branch, sends=not dry_run)
        look = hub.look()
        difference = compared(contents, look)
        _check_allowed(hub, look, difference, private=private, replace=replace)
        sent = 0
        if not dry_run and (look.commit is None or not difference.is_none):
            said = message or f"Push {contents.summary.rows:,} images of {contents.summary.name}"
            look, sent = send(
                hub, look, contents, difference, said, private=private, on_progress=on_progress, stop=stop
            )
    return _result(hub, look, contents, difference, sent, private=private, dry_run=dry_run)


def _branch(revision: str | None) -> str:
    from synthgen.dataset.hub.repository import MAIN, check_branch

    if revision is None:
        return MAIN
    branch = text_of(revision, "revision", "the name of a branch")
    check_branch(branch)
    return branch


def _unseen() -> str | None:
    """Say why the Hub cannot be asked, as far as this machine knows; None if it can."""
    from synthgen.dataset.hub.failures import is_offline
    from synthgen.dataset.hub.repository import token_here

    if is_offline():
        return "HF_HUB_OFFLINE is set"
    return "there is no token" if token_here() is None else None


def _read(folder: Path, on_progress: OnProgress) -> Contents:
    from synthgen.dataset.hub.contents import read_contents

    return read_contents(folder, lambda done, total: on_progress(StepProgress("checking", "files", done, total)))


def _check_allowed(
    hub: Repository, look: Look, difference: RepositoryDifference, *, private: bool, replace: bool
) -> None:
    """Refuse what would publish other than the user thinks, or delete what she may not know of.

    Raises:
        UsageError: the repository is public and should be private, or has other content.
    """
    if private and look.is_private is False:
        hint = f"Make it private in its settings, {hub.url}/settings, or name another one."
        raise UsageError(f"{hub.name} exists, and everybody sees it", argument="private", hint=hint)
    if difference.is_foreign and not (replace or look.is_untouched):
        found = [*difference.others, *(file.name for file in difference.changed)]
        more = f" and {len(found) - 1} more" if found[1:] else ""
        where = hub.name if hub.branch == "main" else f"{hub.name} at {hub.branch}"
        hint = (
            "`replace=True` deletes what is there in the same commit, and earlier commits keep it; or name another one."
        )
        raise UsageError(f"{where} has other content: {found[0]}{more}", argument="repository", hint=hint)


def _listed(contents: Contents, name: str, branch: str, unseen: str) -> Pushed:
    files = tuple(PushedFile(file.name, file.size, None) for file in contents.files)
    return Pushed(name, None, branch, None, None, files, (), contents.left, 0, True, unseen)


def _result(
    hub: Repository,
    look: Look,
    contents: Contents,
    difference: RepositoryDifference,
    sent: int,
    *,
    private: bool,
    dry_run: bool,
) -> Pushed:
    states: dict[str, State] = {file.name: "new" for file in difference.new}
    states |= {file.name: "changed" for file in difference.changed}
    return Pushed(
        repository=hub.name,
        url=without_secrets(hub.url),
        branch=hub.branch,
        commit=look.commit,
        private=private or None if look.is_private is None else look.is_private,
        files=tuple(PushedFile(file.name, file.size, states.get(file.name, "same")) for file in contents.files),
        deleted=difference.others,
        left=contents.left,
        commits=sent,
        dry_run=dry_run,
    )
