"""What the Hub or the network answers when it refuses, as errors of synthgen."""

from collections.abc import Iterator
from contextlib import contextmanager

from synthgen.errors import StorageError, SynthgenError, UsageError, first_line
from synthgen.models.part_source import http_error

_AGAIN = "Run the same command again"
_LATER = f"{_AGAIN}: what has arrived is not sent again."
_LOGIN = "Log in with `hf auth login`, or set HF_TOKEN. A token is never an option: others could read it."
_WRITE = "It needs a token that may write there: https://huggingface.co/settings/tokens."
_BUSY = (408, 429, 500, 502, 503, 504)


def no_token() -> UsageError:
    """Make the error of a user who is not logged in."""
    return UsageError("there is no token for the Hub", hint=_LOGIN)


def is_offline() -> bool:
    """Whether huggingface_hub may not use the network."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def offline() -> UsageError:
    """Make the error of a user who has switched the network off."""
    return UsageError("HF_HUB_OFFLINE is set, so nothing can be published", hint="Unset it, and run again.")


@contextmanager
def speaking_to_the_hub(repository: str, doing: str, token: str | None, *, sends: bool = True) -> Iterator[None]:
    """Turn what huggingface_hub raises into an error that says what to do.

    Args:
        doing: what was being done, such as "uploading".
        token: is kept out of every message.
        sends: whether the command is one that sends files.

    Raises:
        UsageError: the Hub refuses, and will refuse again.
        StorageError: the network or the Hub failed, which may pass.
    """
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except SynthgenError:
        raise
    except HFValidationError as error:
        what = f"{repository!r} is not the name of a repository"
        raise UsageError(what, argument="repository", hint="Expected owner/name, or a name of your own.") from error
    except OfflineModeIsEnabled as error:
        raise offline() from error
    except (http_error(), EntryNotFoundError, RuntimeError, OSError, ValueError) as error:
        raise _described(error, repository, doing, token, _LATER if sends else f"{_AGAIN}.") from None


def _described(error: Exception, repository: str, doing: str, token: str | None, later: str) -> SynthgenError:
    """Describe an error, or what it was raised from: threads that upload wrap theirs."""
    from huggingface_hub.errors import HfHubHTTPError

    cause: BaseException = error
    while not isinstance(cause, HfHubHTTPError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, HfHubHTTPError) and cause.response is not None:
        said = (cause.server_message or "").strip() or first_line(cause)
        return _refused(cause.response.status_code, repository, doing, _without(token, said), later)
    what = _without(token, f"{doing} {repository} failed: {type(cause).__name__}: {first_line(cause)}")
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return UsageError(what)
    return StorageError(what, hint=f"Is the network up, and the Hub? {later}")


def _refused(status: int, repository: str, doing: str, said: str, later: str) -> SynthgenError:
    if status == 401:
        return UsageError(f"the Hub does not accept the token: {said}", hint=_LOGIN)
    if status == 403:
        return UsageError(f"the token may not write to {repository}: {said}", hint=_WRITE)
    if status == 412:
        hint = "Run the same command again: it looks at the repository as it is now."
        return StorageError(f"somebody else changed {repository} meanwhile, so nothing was committed", hint=hint)
    if status in _BUSY:
        return StorageError(f"{doing} {repository} failed: the Hub answered {status}: {said}", hint=later)
    return UsageError(f"{doing} {repository}: the Hub refuses ({status}): {said}")


def _without(token: str | None, text: str) -> str:
    return text.replace(token, "***") if token else text
