"""A dataset repository of the Hugging Face Hub, as `push` sees it: looked at, made, uploaded to, committed to."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.dataset.hub.contents import LocalFile
from synthgen.dataset.hub.difference import CommitPart, RemoteFile
from synthgen.dataset.hub.failures import is_offline, no_token, offline, speaking_to_the_hub
from synthgen.errors import StorageError, UsageError
from synthgen.files import as_storage_error
from synthgen.models.busy_hub import answered

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

MAIN = "main"
_KIND = "dataset"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOT_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")
"""What git allows in no name of a branch, besides rules on how its parts begin and end."""
_GROUP_FILES, _GROUP_BYTES = 256, 2 * 10**8
"""Most files, and about the most bytes, that are uploaded at a time: progress is reported after each."""


@dataclass(frozen=True, slots=True)
class Look:
    """A branch of a repository, as it is now.

    Attributes:
        commit: its head; None if there is no repository or no branch.
        files: by name; of a branch that does not exist yet, those that it would begin with.
        is_private: None if there is no repository.
        is_untouched: whether the branch has no commit of its own: it does not exist, or is where `main` is.
    """

    commit: str | None
    files: Mapping[str, RemoteFile]
    is_private: bool | None
    is_untouched: bool


class Repository:
    """A repository of datasets, with the token of this machine's user.

    Attributes:
        name: `owner/name`.
        branch: the branch that is looked at and committed to.
    """

    def __init__(self, api: "HfApi", name: str, branch: str, token: str, *, sends: bool) -> None:
        self.name, self.branch = name, branch
        self._api, self._token, self._sends = api, token, sends

    @property
    def url(self) -> str:
        """Where people look at it."""
        return f"{self._api.endpoint}/datasets/{self.name}"

    def look(self) -> Look:
        """Look at the branch.

        Raises:
            UsageError, StorageError: the Hub refuses or cannot be reached.
        """
        from huggingface_hub import RepoFile
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        def info(revision: str) -> tuple[str | None, bool]:
            found = answered(lambda: self._api.dataset_info(self.name, revision=revision, timeout=20))
            return found.sha, bool(found.private)

        with self._speaking("looking at"):
            try:
                main, is_private = info(MAIN)
            except RepositoryNotFoundError:
                return Look(None, {}, None, is_untouched=True)
            try:
                head: str | None = main if self.branch == MAIN else info(self.branch)[0]
            except RevisionNotFoundError:
                head = None
            listed = answered(
                lambda: list(
                    self._api.list_repo_tree(self.name, recursive=True, revision=head or main, repo_type=_KIND)
                )
            )
        files = {
            one.path: RemoteFile(one.path, one.size, one.lfs.sha256 if one.lfs else None, one.blob_id)
            for one in listed
            if isinstance(one, RepoFile)
        }
        is_untouched = self.branch != MAIN and head in (None, main)
        return Look(head, files, is_private, is_untouched)

    def make(self, *, private: bool) -> None:
        """Create the repository; one that exists stays as it is."""
        with self._speaking("creating"):
            answered(lambda: self._api.create_repo(self.name, private=private or None, repo_type=_KIND, exist_ok=True))

    def branch_off(self) -> None:
        """Create the branch where `main` is; one that exists stays as it is."""
        with self._speaking("creating a branch of"):
            answered(lambda: self._api.create_branch(self.name, branch=self.branch, repo_type=_KIND, exist_ok=True))

    def commit(
        self,
        part: CommitPart,
        message: str,
        parent: str | None,
        on_bytes: Callable[[int], None],
        check: Callable[[], None],
    ) -> None:
        """Upload a part's files, and then make one commit of it.

        Args:
            parent: what the branch's head must be.
            on_bytes: gets how many bytes have arrived, some files at a time.
            check: is called between two groups of files, and may raise.

        Raises:
            UsageError, StorageError: the Hub refuses, or cannot be reached, or a file changed meanwhile.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        added: list[CommitOperationAdd] = []
        with self._speaking("uploading to"), _without_bars():
            for group in _groups(part.files):
                check()
                with as_storage_error(group[0].path):
                    few = [CommitOperationAdd(file.name, str(file.path)) for file in group]
                self._api.preupload_lfs_files(self.name, few, repo_type=_KIND, revision=self.branch, free_memory=False)
                _check_same(few, group)
                added += few
                on_bytes(sum(file.size for file in group))
            check()
            deleted = [CommitOperationDelete(name, is_folder=False) for name in part.deleted]
            self._api.create_commit(
                self.name,
                [*deleted, *added],
                commit_message=message,
                repo_type=_KIND,
                revision=self.branch,
                parent_commit=parent,
            )

    @contextmanager
    def _speaking(self, doing: str) -> Iterator[None]:
        with speaking_to_the_hub(self.name, doing, self._token, sends=self._sends):
            yield


def check_name(name: str) -> None:
    """Check that this can be the name of a repository; the Hub is not asked.

    Raises:
        UsageError: it cannot.
    """
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # imported there, not made there

    with speaking_to_the_hub(name, "opening", None):
        validate_repo_id(name)


def check_branch(name: str) -> None:
    """Check that this can be the name of a branch, by the rules of git; the Hub is not asked.

    Raises:
        UsageError: it cannot.
    """
    parts = name.split("/")
    if (
        _NOT_IN_BRANCH.search(name)
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or name.endswith(".")
        or name.startswith("-")
        or name in ("@", "HEAD")
    ):
        hint = "Use letters, digits and -_./ such as v1.2; git-check-ref-format has all rules."
        raise UsageError(f"{name!r} is not the name of a branch", argument="revision", hint=hint)
    if parts[0] == "refs" or _COMMIT.fullmatch(name):
        what = "a commit" if _COMMIT.fullmatch(name) else "a reference"
        raise UsageError(f"expected the name of a branch, found {what}: {name}", argument="revision")


def open_repository(name: str, branch: str, *, sends: bool = True) -> Repository:
    """Open a repository as the user whose token is in the environment, or who has logged in.

    Args:
        name: `owner/name`, or a name alone for one of the user's own.
        sends: whether anything is to be sent there.

    Raises:
        UsageError: there is no token, or the Hub does not accept it.
        StorageError: the Hub cannot be reached.
    """
    from huggingface_hub import HfApi

    if is_offline():
        raise offline()
    token = token_here()
    if token is None:
        raise no_token()
    with speaking_to_the_hub(name, "opening", token, sends=sends):
        api = HfApi(token=token)
        user = answered(api.whoami)["name"]
    return Repository(api, name if "/" in name else f"{user}/{name}", branch, token, sends=sends)


def token_here() -> str | None:
    """Give the token of this machine's user: from the environment, or as the Hub's own login keeps it."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import OIDCError

    try:
        return get_token()
    except OIDCError as error:
        raise UsageError(f"the Hub gave no token for HF_OIDC_RESOURCE: {error}") from error


def blob_of(file: LocalFile) -> str:
    """Compute the id that git gives a file. Only small files are kept by git itself."""
    from huggingface_hub.utils.sha import git_hash

    with as_storage_error(file.path):
        return git_hash(file.path.read_bytes())


def _groups(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    group: list[LocalFile] = []
    for file in files:
        if group and (len(group) >= _GROUP_FILES or sum(one.size for one in group) + file.size > _GROUP_BYTES):
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _check_same(sent: "Sequence[CommitOperationAdd]", files: Sequence[LocalFile]) -> None:
    """Compare what was uploaded with the digests that were checked before.

    Raises:
        StorageError: a file changed since.
    """
    for one, file in zip(sent, files, strict=True):
        if one.upload_info.is_hashed and one.upload_info.sha256.hex() != file.sha256:
            raise StorageError(f"{file.path} changed while it was uploaded", hint="Nothing was committed. Run again.")


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep huggingface_hub from drawing bars: synthgen reports progress itself."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined] # imported there, not made there
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
