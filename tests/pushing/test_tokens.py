"""The token of a push."""

from pathlib import Path

import pytest

import synthgen
from tests.command import command_line, envelope
from tests.hub import Hub
from tests.pushing.repositories import NAME, OWNER, READER

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own uploads


@pytest.mark.parametrize(
    ("token", "code", "said"),
    [
        ("", 2, "there is no token for the Hub"),
        ("hf_notATokenOfAnybody", 2, "the Hub does not accept the token"),
        (READER, 2, f"the token may not write to {NAME}"),
    ],
)
def test_a_token_that_does_not_do_is_refused_and_never_shown(
    hub: Hub,
    written: Path,
    token: str,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    assert command_line(["push", str(written), NAME, "--json", "-q"]) == code
    printed = capsys.readouterr()
    assert said in envelope(printed.out)["errors"][0]["message"]
    assert not token or token not in printed.out + printed.err


def test_a_login_that_the_hub_keeps_on_this_machine_does(
    hub: Hub, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    Path(constants.HF_TOKEN_PATH).write_text(OWNER)
    assert synthgen.push(written, "portraits").repository == NAME
