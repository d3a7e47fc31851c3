"""A certificate authority made on the fly, and signers that it vouches for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class Authority:
    """Issues certificates as C2PA wants them."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("A test's authority")
        self._certificate = self._issued(self._name, self._key, is_authority=True, days=30)

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(Encoding.PEM)

    def issue(self, folder: Path, key: Key, *, days: int = 30, has_purpose: bool = True) -> tuple[Path, Path]:
        """Write a chain for `key`, and the key; return both paths.

        Args:
            days: how long it is valid, from yesterday on.
            has_purpose: whether it says what its key is for.
        """
        purpose = ExtendedKeyUsageOID.EMAIL_PROTECTION if has_purpose else None
        certificate = self._issued(_name("A test's signer"), key, is_authority=False, days=days, purpose=purpose)
        chain = folder / "chain.pem"
        chain.write_bytes(certificate.public_bytes(Encoding.PEM) + self.pem)
        return chain, write_key(folder / "key.pem", key)

    def issue_for_timestamps(self, folder: Path) -> Path:
        """Write what `openssl ts` needs to answer as a timestamp authority; return the path of its settings."""
        key = elliptic()
        certificate = self._issued(
            _name("A test's clock"), key, is_authority=False, days=30, purpose=ExtendedKeyUsageOID.TIME_STAMPING
        )
        (folder / "clock.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / "authority.pem").write_bytes(self.pem)
        (folder / "serial").write_text("01\n")
        write_key(folder / "clock.key", key)
        settings = {
            "serial": folder / "serial",
            "signer_cert": folder / "clock.pem",
            "signer_key": folder / "clock.key",
            "certs": folder / "authority.pem",
            "signer_digest": "sha256",
            "digests": "sha256,sha384,sha512",
            "ess_cert_id_alg": "sha256",
            "default_policy": "1.2.3.4",
        }
        path = folder / "clock.conf"
        path.write_text("".join(["[clock]\n", *(f"{key} = {value}\n" for key, value in settings.items())]))
        return path

    def _issued(
        self,
        subject: x509.Name,
        key: Key,
        *,
        is_authority: bool,
        days: int,
        purpose: x509.ObjectIdentifier | None = None,
    ) -> x509.Certificate:
        begin = datetime.now(UTC) - timedelta(days=1)
        issuer = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(_usage(is_authority=is_authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        )
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        return builder.sign(self._key, SHA256())


def write_key(path: Path, key: Key, password: bytes | None = None) -> Path:
    protection: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
    return path


def elliptic() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common: str) -> x509.Name:
    parts = {NameOID.COUNTRY_NAME: "DE", NameOID.ORGANIZATION_NAME: "Tests", NameOID.COMMON_NAME: common}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
