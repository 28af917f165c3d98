"""Certificates and TLS contexts that no careful client accepts, made afresh for each test session."""

import datetime
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    """Server contexts by defect, and the file of the authority that signed all but the self-signed one."""

    ca_file: Path
    good: ssl.SSLContext
    expired: ssl.SSLContext
    self_signed: ssl.SSLContext
    wrong_name: ssl.SSLContext
    tls_1_0: ssl.SSLContext


def make(folder: Path) -> Certificates:
    """Issue every certificate; only the files that the standard library insists on are left in ``folder``."""
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    good = authority.issue_cert("127.0.0.1", "localhost")
    return Certificates(
        ca_file=ca_file,
        good=_serving(good),
        expired=_serving(authority.issue_cert("127.0.0.1", "localhost", not_after=yesterday)),
        self_signed=_self_signed(folder),
        wrong_name=_serving(authority.issue_cert("other.example")),
        tls_1_0=_only_tls_1_0(good),
    )


def _serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _only_tls_1_0(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """OpenSSL 3 speaks TLS 1.0 only at security level 0; Python warns of the version as deprecated."""
    context = _serving(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    return context


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "self-signed.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
