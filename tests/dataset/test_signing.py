"""C2PA: pictures signed by a user's certificate, verified by c2pa's own reader; what cannot sign is refused by name."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

import synthgen
from synthgen.dataset.marking import read_mark
from synthgen.dataset.marking.mark import GENERATED
from synthgen.dataset.marking.signing import (
    CERTIFICATE,
    KEY,
    TIMESTAMPS,
    PictureSigner,
    invalid_signatures,
    is_signed,
    read_credentials,
)
from synthgen.errors import StorageError, UsageError
from synthgen.seal import unseal
from tests.command import command_line
from tests.dataset.certificates import Authority, Key, elliptic, write_key
from tests.dataset.exiftool import tags_of
from tests.dataset.test_marks import FACTS, encoded
from tests.running.noise import make_run, noise_plan

SMALL = ("classes={doctor: 3, chef: 2}", "output.shard_size=5", "budget.attempts_per_image=9")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def files(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A chain and its key, which the environment names."""
    chain, key = authority.issue(tmp_path, elliptic())
    monkeypatch.setenv(CERTIFICATE, str(chain))
    monkeypatch.setenv(KEY, str(key))
    return chain, key


def verified(picture: bytes, media_type: str, authority: Authority) -> dict[str, Any]:
    """What c2pa's reader says of a picture: its state, if the test's authority is trusted, and its assertions."""
    import c2pa

    trust = {"trust": {"user_anchors": authority.pem.decode()}, "verify": {"verify_trust": True}}
    context = c2pa.Context(c2pa.Settings.from_dict(trust))
    with c2pa.Reader(media_type, io.BytesIO(picture), context=context) as reader:
        manifest = reader.get_active_manifest()
        assert manifest is not None
        assertions = {each["label"]: each["data"] for each in manifest["assertions"]}
        return {"state": reader.get_validation_state(), "time": manifest["signature_info"].get("time"), **assertions}


@pytest.mark.usefixtures("files")
def test_the_signed_images_of_a_dataset_verify_and_still_carry_their_marks(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    make_run(run, noise_plan(*SMALL, "output.c2pa={mining: {data_mining: notAllowed}}", "output.image.format=jpeg"))
    synthgen.finalize(run)
    rows = [row for file in (run / "dataset").rglob("*.parquet") for row in pq.read_table(file).to_pylist()]
    assert len(rows) == 5
    for row in rows:
        found = verified(row["image"]["bytes"], "image/jpeg", authority)
        assert found["state"] == "Trusted"
        [action] = found["c2pa.actions.v2"]["actions"]
        assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", GENERATED)
        assert found["cawg.training-mining"] == {"entries": {"cawg.data_mining": {"use": "notAllowed"}}}
        mark = read_mark(row["image"]["bytes"])
        assert mark is not None
        assert mark.id == row["id"]
    (tmp_path / "one.jpg").write_bytes(rows[0]["image"]["bytes"])
    [tags] = tags_of([tmp_path / "one.jpg"])
    assert tags["XMP-iptcExt:DigitalSourceType"] == GENERATED
    by = unseal((run / "dataset/provenance.json").read_text("utf-8"))[0]["signed_by"]
    assert by == {
        "subject": "CN=A test's signer,O=Tests,C=DE",
        "fingerprint": read_credentials().fingerprint,
        "mining": {"data_mining": "notAllowed"},
        "timestamped": False,
    }
    capsys.readouterr()
    assert command_line(["verify", str(run)]) == 0
    assert "5 of 5 images carry a C2PA signature, all valid" in capsys.readouterr().out
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "c2pa", None)
        assert command_line(["verify", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["result"]["marks"]
    assert (found["signed"], found["invalid"]) == (5, None), "counted, and unverified"
    before = {path: path.read_bytes() for path in (run / "dataset").rglob("*") if path.is_file()}
    assert not synthgen.finalize(run).rebuilt, "signatures differ each time, and what is signed stays"
    assert before == {path: path.read_bytes() for path in before}


def signed_by(signer: PictureSigner, picture: bytes, image_id: str = "1") -> bytes:
    (signed,) = signer(pa.array([picture]), pa.record_batch({"id": [image_id]})).to_pylist()
    assert isinstance(signed, bytes)
    return signed


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.usefixtures("files")
def test_a_signature_covers_the_whole_file(form: str, authority: Authority) -> None:
    signer = PictureSigner(read_credentials(), GENERATED, "owner/name", {})
    picture = encoded(form)
    from synthgen.dataset.marking import mark

    signed, media_type = signed_by(signer, mark(picture, FACTS)), f"image/{form.lower()}"
    assert verified(signed, media_type, authority)["state"] == "Trusted"
    assert read_mark(signed) == FACTS
    seed = str(FACTS.seed).encode()
    changed = signed.replace(seed, seed[::-1])
    assert verified(changed, media_type, authority)["state"] == "Invalid", "XMP is covered"

    is_invalid = invalid_signatures()
    assert is_invalid is not None
    assert [is_signed(one) for one in (picture, signed, changed)] == [False, True, True]
    assert [is_invalid(one) for one in (signed, changed)] == [False, True]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "Ed25519", "RSA"],
)
def test_every_kind_of_key_that_c2pa_allows_signs(
    make: Callable[[], Key], authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, path in zip((CERTIFICATE, KEY), authority.issue(tmp_path, make()), strict=True):
        monkeypatch.setenv(variable, str(path))
    signed = signed_by(PictureSigner(read_credentials(), GENERATED, "m", {}), encoded("PNG"))
    assert verified(signed, "image/png", authority)["state"] == "Trusted"


def test_what_cannot_sign_is_refused_before_any_image_is_made(
    files: tuple[Path, Path],
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chain, key = files
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "synthgen: 1\nname: signed\nmodel: {id: 'bundled:workers'}\nclasses: {chef: 1}\n"
        "prompts: {templates: ['a {class}']}\noutput: {c2pa: true}\n"
    )
    intact = chain.read_bytes(), key.read_bytes()

    def refusal() -> str:
        assert command_line(["run", str(spec), "-o", str(tmp_path / "run")]) == 2
        assert not (tmp_path / "run").exists()
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "PRIVATE KEY" not in said
        chain.write_bytes(intact[0])
        key.write_bytes(intact[1])
        return said

    write_key(key, elliptic())
    assert "does not match the file of SYNTHGEN_C2PA_KEY" in refusal()
    chain.write_bytes(authority.pem)
    assert "does not match" in refusal()
    chain.write_text("nothing")
    assert "has no certificates in PEM" in refusal()
    key.write_text("nothing")
    assert "has no private key in PEM" in refusal()
    write_key(key, elliptic(), password=b"secret")
    assert "is protected by a password" in refusal()
    key.unlink()
    assert "cannot be read: No such file or directory" in refusal()
    authority.issue(tmp_path, elliptic(), days=0)
    assert "is valid from" in refusal()
    authority.issue(tmp_path, elliptic(), has_purpose=False)
    assert "SYNTHGEN_C2PA_CERTIFICATE" in refusal()
    for variable in (CERTIFICATE, KEY):
        with monkeypatch.context() as patch:
            patch.delenv(variable)
            assert f"{variable} is not set" in refusal()


@contextmanager
def clock(settings: Path, folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A timestamp authority on this machine: its address, and what it was asked. openssl answers."""
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["content-length"])))
            (folder / "query").write_bytes(asked[-1])
            command = ["openssl", "ts", "-reply", "-config", str(settings), "-section", "clock", "-queryfile", "query"]
            done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(done.stdout)))
            self.end_headers()
            self.wfile.write(done.stdout)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl answers for the authority")
@pytest.mark.usefixtures("files")
def test_only_an_authority_that_the_user_names_is_asked_for_the_time(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock(authority.issue_for_timestamps(tmp_path), tmp_path) as (address, asked):
        signed_by(PictureSigner(read_credentials(), GENERATED, "m", {}), encoded("PNG"))
        assert asked == []
        monkeypatch.setenv(TIMESTAMPS, address)
        signer = PictureSigner(read_credentials(), GENERATED, "m", {})
        signed = signed_by(signer, encoded("PNG"))
        assert len(asked) == 2, "one to try, before anything is made"
        assert signer.by.timestamped
    found = verified(signed, "image/png", authority)
    assert found["state"] == "Trusted"
    assert found["time"] is not None
    with pytest.raises(StorageError, match="image 2 cannot be signed"):  # it answers no more
        signed_by(signer, encoded("PNG"), "2")
    monkeypatch.setenv(TIMESTAMPS, "file:///etc/passwd")
    with pytest.raises(UsageError, match="begins with https://"):
        read_credentials()


def test_a_key_of_another_kind_is_refused(files: tuple[Path, Path]) -> None:
    from synthgen.dataset.marking import signing

    for key in (dsa.generate_private_key(1024), ec.generate_private_key(ec.SECP224R1())):
        with pytest.raises(UsageError, match="C2PA does not allow"):
            signing._algorithm(key)


def test_without_the_extra_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(UsageError, match="not installed") as raised:
        read_credentials()
    assert raised.value.hint == 'Run `pip install "synthgen[c2pa]"`.'


def test_what_is_allowed_to_others_is_checked() -> None:
    with pytest.raises(synthgen.SpecError, match="expected 'allowed' or 'notAllowed'"):
        noise_plan("output.c2pa={mining: {data_mining: maybe}}")
    assert json.loads(json.dumps(noise_plan("output.c2pa=true").spec.canonical()))["output"]["c2pa"] == {"mining": {}}
