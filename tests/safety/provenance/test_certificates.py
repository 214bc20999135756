"""Certificates: the one made here, and the user's own with all that can be wrong with it."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from retouch_safety.provenance import (
    IdentityKind,
    InvalidProvenance,
    Status,
    Trust,
    TrustedBy,
    development_identity,
    development_roots,
    own_identity,
    sign_file,
    verify,
)

NOW = datetime.now(UTC)
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


def test_made_once_and_kept(tmp_path):
    folder = tmp_path / "new" / "keys"
    first = development_identity(folder)
    assert first.kind is IdentityKind.DEVELOPMENT and first.algorithm == "es256"
    assert development_identity(folder) == first
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"development-01.pem": 0o600, "development-01-root.pem": 0o644}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE" not in repr(first)
    assert development_identity(tmp_path / "other").serial != first.serial


def test_processes_that_start_at_once_agree(tmp_path):
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            (tmp_path / f"{number}.txt").write_text(development_identity(tmp_path / "keys").serial)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    serials = {(tmp_path / f"{number}.txt").read_text() for number in range(4)}
    assert serials == {development_identity(tmp_path / "keys").serial}
    assert len(list((tmp_path / "keys").iterdir())) == 2


def test_the_profile(identity):
    leaf, root = x509.load_pem_x509_certificates(identity.chain)
    leaf.verify_directly_issued_by(root)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    above = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert above.key_identifier == own
    leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_roots_key_is_thrown_away(tmp_path):
    identity = development_identity(tmp_path)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert kept.count(b"BEGIN PRIVATE KEY") == 1
    leaf = x509.load_pem_x509_certificates(identity.chain)[0]
    key = serialization.load_pem_private_key(identity.key, None)
    assert key.public_key() == leaf.public_key()
    assert b"PRIVATE" not in (tmp_path / "development-01-root.pem").read_bytes()


def test_renewed_before_it_ends_and_the_old_one_still_counts(tmp_path, make, statement):
    old = development_identity(tmp_path)
    data = sign_file(make("PNG"), statement, old).data
    assert development_identity(tmp_path, NOW + timedelta(days=3600)) == old
    new = development_identity(tmp_path, NOW + timedelta(days=3640))
    assert new.serial != old.serial and (tmp_path / "development-02.pem").exists()
    assert development_identity(tmp_path) == new
    roots = development_roots(tmp_path)
    assert roots.count(b"BEGIN CERTIFICATE") == 2
    assert verify(data, Trust(installation=roots)).status is Status.TRUSTED


def test_a_key_that_others_can_read_is_refused(tmp_path):
    development_identity(tmp_path)
    (tmp_path / "development-01.pem").chmod(0o644)
    with pytest.raises(InvalidProvenance, match=r"0o644.*allowed: 0o600.*chmod 600"):
        development_identity(tmp_path)


@pytest.mark.parametrize("left", [0, 100, 600])
def test_a_damaged_file_is_not_replaced(tmp_path, left):
    development_identity(tmp_path)
    path = tmp_path / "development-01.pem"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InvalidProvenance, match="Fix: "):
        development_identity(tmp_path)
    assert len(path.read_bytes()) == left


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidProvenance, match=r"certificate\.folder.*a writable folder"):
        development_identity(tmp_path / "file" / "keys")


# --- the user's own ---


def usage(**chosen):
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: chosen.get(name, False) for name in names})


def certificate(subject, issuer, public, signer, *, extensions, start=-1, days=30):
    def named(name):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=start))
        .not_valid_after(NOW + timedelta(days=start + days))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, isinstance(extension, x509.KeyUsage))
    return builder.sign(signer, hashes.SHA256())


ROOT_KEY = ec.generate_private_key(ec.SECP256R1())
ROOT = certificate(
    "my root",
    "my root",
    ROOT_KEY.public_key(),
    ROOT_KEY,
    extensions=[
        x509.BasicConstraints(True, None),
        usage(key_cert_sign=True, crl_sign=True),
        x509.SubjectKeyIdentifier.from_public_key(ROOT_KEY.public_key()),
    ],
)
GOOD = {
    "usage": usage(digital_signature=True),
    "purpose": x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]),
    "above": x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT_KEY.public_key()),
    "basic": x509.BasicConstraints(False, None),
}
KEY = ec.generate_private_key(ec.SECP256R1())


def leaf_of(key, changes=(), **options):
    extensions = {**GOOD, **dict(changes)}
    extensions["own"] = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    kept = [extension for extension in extensions.values() if extension is not None]
    return certificate("me", "my root", key.public_key(), ROOT_KEY, extensions=kept, **options)


def files(tmp_path, key, *chain, passphrase=None, mode=0o600):
    method = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    certificates, secret = tmp_path / "me.pem", tmp_path / "me.key"
    certificates.write_bytes(b"".join(c.public_bytes(PEM) for c in chain))
    secret.write_bytes(key.private_bytes(PEM, PKCS8, method))
    secret.chmod(mode)
    return certificates, secret


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (KEY, "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_key_signs(tmp_path, make, statement, trust, key, algorithm):
    identity = own_identity(*files(tmp_path, key, leaf_of(key), ROOT))
    assert (identity.kind, identity.algorithm, identity.name) == ("OWN", algorithm, "me")
    data = sign_file(make("JPEG"), statement, identity).data
    assert verify(data, Trust()).status is Status.UNTRUSTED
    report = verify(data, Trust(anchors=ROOT.public_bytes(PEM)))
    assert report.status is Status.TRUSTED and report.active.signer.name == "me"
    both = verify(data, Trust(trust.installation, ROOT.public_bytes(PEM)))
    assert both.status is Status.TRUSTED and both.active.signer.trusted_by is TrustedBy.ANCHOR
    assert verify(data, trust).status is Status.UNTRUSTED


def test_a_passphrase(tmp_path):
    paths = files(tmp_path, KEY, leaf_of(KEY), ROOT, passphrase=b"secret")
    assert b"ENCRYPTED" not in own_identity(*paths, b"secret").key
    for given, fix in ((None, "pass the passphrase"), (b"wrong", "check the passphrase")):
        with pytest.raises(InvalidProvenance, match=fix) as caught:
            own_identity(*paths, given)
        assert "wrong'" not in str(caught.value)
    with pytest.raises(InvalidProvenance, match="leave the passphrase out"):
        own_identity(*files(tmp_path, KEY, leaf_of(KEY), ROOT), b"secret")


def ca():
    return {"basic": x509.BasicConstraints(True, None)}


WRONG = {
    "of another key": (lambda: [leaf_of(ec.generate_private_key(ec.SECP256R1())), ROOT], "key"),
    "root first": (lambda: [ROOT, leaf_of(KEY)], "key"),
    "wrong order": (lambda: [leaf_of(KEY), leaf_of(KEY), ROOT], "chain"),
    "self-signed": (
        lambda: [certificate("a", "a", KEY.public_key(), KEY, extensions=GOOD.values())],
        "self-signed",
    ),
    "authority": (lambda: [leaf_of(KEY, ca().items()), ROOT], "CA:TRUE"),
    "no key usage": (lambda: [leaf_of(KEY, {"usage": None}.items()), ROOT], "no keyUsage"),
    "no purpose": (lambda: [leaf_of(KEY, {"purpose": None}.items()), ROOT], "extendedKeyUsage"),
    "no issuer id": (lambda: [leaf_of(KEY, {"above": None}.items()), ROOT], "authorityKey"),
    "cannot sign": (
        lambda: [leaf_of(KEY, {"usage": usage(key_agreement=True)}.items()), ROOT],
        "no digitalSignature",
    ),
    "web server": (
        lambda: [
            leaf_of(
                KEY,
                {"purpose": x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])}.items(),
            ),
            ROOT,
        ],
        "emailProtection",
    ),
    "expired": (lambda: [leaf_of(KEY, start=-40), ROOT], r"validity.*renew the certificate"),
    "not yet valid": (lambda: [leaf_of(KEY, start=5), ROOT], "validity"),
    "none": (lambda: [], "certificates in PEM"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_certificates_are_refused_before_signing(tmp_path, name):
    chain, words = WRONG[name]
    with pytest.raises(InvalidProvenance, match=words) as caught:
        own_identity(*files(tmp_path, KEY, *chain()))
    assert "allowed: " in str(caught.value) and "Fix: " in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa.generate_private_key(65537, 1024), "RSA of 1024 bits"),
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
    ],
    ids=["short RSA", "other curve"],
)
def test_weak_keys(tmp_path, key, words):
    with pytest.raises(InvalidProvenance, match=words):
        own_identity(*files(tmp_path, key, leaf_of(key), ROOT))


def test_files_that_are_not_there_or_not_keys(tmp_path):
    certificates, secret = files(tmp_path, KEY, leaf_of(KEY), ROOT)
    with pytest.raises(InvalidProvenance, match=r"certificate: .*No such file"):
        own_identity(tmp_path / "no.pem", secret)
    with pytest.raises(InvalidProvenance, match=r"certificate\.key: .*No such file"):
        own_identity(certificates, tmp_path / "no.key")
    with pytest.raises(InvalidProvenance, match="a private key in PEM"):
        own_identity(certificates, certificates_as_key(tmp_path, certificates))
    secret.chmod(0o604)
    with pytest.raises(InvalidProvenance, match=r"0o604.*chmod 600"):
        own_identity(certificates, secret)


def certificates_as_key(tmp_path, certificates):
    path = tmp_path / "wrong.key"
    path.write_bytes(certificates.read_bytes())
    path.chmod(0o600)
    return path


def test_a_file_that_was_cut_inside_its_root_is_damaged(tmp_path):
    development_identity(tmp_path)
    path = tmp_path / "development-01.pem"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidProvenance, match="leaf and root"):
        development_identity(tmp_path)
