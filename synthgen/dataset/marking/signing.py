"""Signing pictures: C2PA manifests by the user's certificate and key, which only files hold that the user names."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from synthgen.bounded import read_bounded
from synthgen.dataset.marking.containers import holds_manifest, media_type
from synthgen.errors import StorageError, UsageError
from synthgen.version import __version__

if TYPE_CHECKING:
    from c2pa import Context
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

CERTIFICATE: Final = "SYNTHGEN_C2PA_CERTIFICATE"
KEY: Final = "SYNTHGEN_C2PA_KEY"
TIMESTAMPS: Final = "SYNTHGEN_C2PA_TIMESTAMPS"
_MOST_BYTES = 1 << 20
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_LEAST_RSA = 2048
_PROFILE = "https://spec.c2pa.org says what such a certificate needs: above all the purpose of its key."


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its key, which fit.

    Attributes:
        chain: the certificates as PEM, the signer's own first.
        subject: whom it names.
        fingerprint: the sha256 of the signer's certificate.
        timestamps: the address of a timestamp authority (RFC 3161), which each signature asks; None asks nobody.
    """

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    algorithm: str
    subject: str
    fingerprint: str
    timestamps: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SignedBy:
    """Who signed the images of a dataset, and what the signature says.

    Attributes:
        subject, fingerprint: see `Credentials`.
        mining: what others may do with the image.
        timestamped: whether a timestamp authority says when.
    """

    subject: str
    fingerprint: str
    mining: Mapping[str, str]
    timestamped: bool = False

    def __str__(self) -> str:
        allowed = "".join(f", {name} {use}" for name, use in self.mining.items())
        return f"{self.subject} (C2PA, sha256 of the certificate {self.fingerprint}){allowed}"


class PictureSigner:
    """Signs pictures. It may be used by several threads at once."""

    def __init__(self, credentials: Credentials, source_type: str, system: str, mining: Mapping[str, str]) -> None:
        """Prepare to sign.

        Args:
            source_type: IPTC's Digital Source Type of the images.
            system: the model that made them.
            mining: what the signer allows others to do with them, by the CAWG's words.

        Raises:
            UsageError: c2pa does not take the certificate.
        """
        import c2pa

        timestamps = credentials.timestamps
        self.by = SignedBy(credentials.subject, credentials.fingerprint, dict(mining), timestamps is not None)
        self._manifest = json.dumps(_manifest(source_type, system, mining))
        settings = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})
        info = c2pa.C2paSignerInfo(credentials.algorithm, credentials.chain, credentials.key, timestamps)
        try:
            self._context: Context = c2pa.Context(settings=settings, signer=c2pa.Signer.from_info(info))
            self._try()
        except c2pa.C2paError as error:
            raise _refused(f"c2pa does not sign with it: {error}") from error

    def __call__(self, pictures: pa.Array, rows: pa.RecordBatch) -> pa.Array:
        """Return the pictures with signed manifests, which cover all of a file: nothing may change it later.

        Raises:
            StorageError: one cannot be signed.
        """
        several = zip(pictures.to_pylist(), rows["id"].to_pylist(), strict=True)
        return pa.array([self._sign(*one) for one in several], pictures.type)

    def _sign(self, picture: bytes, image_id: object) -> bytes:
        import c2pa

        try:
            return self._signed(picture)
        except (c2pa.C2paError, ValueError) as error:
            raise StorageError(f"the picture of image {image_id} cannot be signed: {error}") from error

    def _signed(self, picture: bytes) -> bytes:
        import c2pa

        signed = BytesIO()
        with c2pa.Builder(self._manifest, context=self._context) as builder:
            builder.sign(media_type(picture), BytesIO(picture), signed)
        return signed.getvalue()

    def _try(self) -> None:
        """Sign a picture of one pixel and read it back, so that nothing is made that could not be signed."""
        import c2pa
        from PIL import Image

        pixel = BytesIO()
        Image.new("RGB", (1, 1)).save(pixel, "PNG")
        signed = self._signed(pixel.getvalue())
        with c2pa.Reader("image/png", BytesIO(signed)) as reader:
            if reader.get_validation_state() == "Invalid":
                found = (reader.get_validation_results() or {}).get("activeManifest", {}).get("failure", [])
                why = "; ".join(str(each.get("explanation") or each.get("code")) for each in found)
                raise _refused(f"c2pa's reader takes what it signs for invalid: {why}")


def is_signed(picture: bytes) -> bool:
    """Whether a picture carries a C2PA manifest. Nothing is verified, and c2pa is not needed."""
    try:
        return holds_manifest(picture)
    except ValueError:  # it breaks off
        return False


def invalid_signatures() -> Callable[[bytes], bool] | None:
    """Return what tells whether c2pa's reader takes a signed picture for invalid; None if c2pa is not installed.

    Whether the certificate is trusted is not asked.
    """
    try:
        import c2pa
    except ImportError:
        return None

    def is_invalid(picture: bytes) -> bool:
        try:
            with c2pa.Reader(media_type(picture), BytesIO(picture)) as reader:
                return bool(reader.get_validation_state() == "Invalid")
        except c2pa.C2paError:
            return True

    return is_invalid


def read_credentials() -> Credentials:
    """Read the certificate and the key that the environment names, and check them against each other.

    Raises:
        UsageError: c2pa is not installed; a variable is missing, or its file cannot be used; or they do not fit.
    """
    try:
        import c2pa  # noqa: F401
        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256
    except ImportError as error:
        what = "output.c2pa: c2pa-python is not installed"
        raise UsageError(what, hint='Run `pip install "synthgen[c2pa]"`.') from error

    chain, key_text = _read(CERTIFICATE, "certificate"), _read(KEY, "private key")
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise _refused("it has no certificates in PEM") from error

    certificate, key = certificates[0], _loaded(key_text)
    if key.public_key() != certificate.public_key():
        raise UsageError(
            f"{_named(CERTIFICATE)} does not match {_named(KEY)}: the first certificate is not of this key",
            hint="The chain begins with the signer's own certificate, then the one that issued it, and so on.",
        )
    _check_dates(certificate)
    return Credentials(
        chain,
        _as_pkcs8(key),
        _algorithm(key),
        certificate.subject.rfc4514_string(),
        certificate.fingerprint(SHA256()).hex(),
        _timestamps(),
    )


def _read(variable: str, what: str) -> bytes:
    if not (path := os.environ.get(variable)):
        hint = f"Set {variable} to the path of a PEM file. The spec cannot name it."
        raise UsageError(f"output.c2pa: no {what}: {variable} is not set", hint=hint)
    try:
        return read_bounded(Path(path), _MOST_BYTES)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UsageError(f"{_named(variable)} cannot be read: {why}", hint="Give the path of a PEM file.") from error


def _timestamps() -> str | None:
    address = os.environ.get(TIMESTAMPS)
    if address and not address.startswith(("http://", "https://")):
        hint = "Give the address of a timestamp authority (RFC 3161), or unset the variable."
        raise UsageError(f"{TIMESTAMPS}: expected an address that begins with https:// or http://", hint=hint)
    return address or None


def _loaded(text: bytes) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(text, None)
    except TypeError as error:
        hint = "Name a file with the key as it is, which only you can read, such as in a folder of a secret store."
        raise UsageError(f"{_named(KEY)} is protected by a password", hint=hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{_named(KEY)} has no private key in PEM", hint="Give the signer's own key.") from error


def _algorithm(key: "PrivateKeyTypes") -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA:
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    what = f"{_named(KEY)} is of a kind that C2PA does not allow"
    raise UsageError(what, hint="It allows keys of P-256, P-384, P-521 and Ed25519, and of RSA from 2048 bits.")


def _as_pkcs8(key: "PrivateKeyTypes") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _check_dates(certificate: "Certificate") -> None:
    now, first, last = datetime.now(UTC), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= now <= last:
        raise _refused(f"it is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d} only")


def _manifest(source_type: str, system: str, mining: Mapping[str, str]) -> dict[str, object]:
    action = {"action": "c2pa.created", "digitalSourceType": source_type, "softwareAgent": {"name": system}}
    assertions: list[dict[str, object]] = [{"label": "c2pa.actions", "data": {"actions": [action]}}]
    if mining:
        entries = {f"cawg.{name}": {"use": use} for name, use in mining.items()}
        assertions.append({"label": "cawg.training-mining", "data": {"entries": entries}})
    return {"claim_generator_info": [{"name": "synthgen", "version": __version__}], "assertions": assertions}


def _named(variable: str) -> str:
    return f"the file of {variable} ({os.environ.get(variable)})"


def _refused(why: str) -> UsageError:
    return UsageError(f"{_named(CERTIFICATE)}: {why}", hint=_PROFILE)
