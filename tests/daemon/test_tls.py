"""TLS as it is: real certificates and handshakes; what is wrong is said before that."""

import asyncio
import hashlib
import os
import ssl
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from retouch.client.channels import open_channel
from retouch.client.finding import Endpoint
from retouch.errors import InvalidField
from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import blob_service_pb2_grpc as rpc
from retouch_daemon.front.blob_service import BlobService
from retouch_daemon.front.call_guard import Callers, CallGuard
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.front.exposure import exposure
from retouch_daemon.front.identity import TokenCheck
from retouch_daemon.front.listening import listen
from retouch_daemon.front.settings import Settings
from retouch_daemon.front.tls import TlsFiles
from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.database import Database

from .conftest import Authority

METADATA = (("authorization", "Bearer right"), ("retouch-client", "mallory"))
posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")


def served(folder, tls, scenario):
    """Run a scenario, in a thread of its own, with the address of a server on every interface."""

    async def serve():
        database = Database(folder / "journal.sqlite")
        store = BlobStore(folder / "blobs", database, BlobLimits())
        server = grpc.aio.server(
            interceptors=(TokenCheck("right"), CallGuard(Callers(CallLimits())))
        )
        rpc.add_BlobServiceServicer_to_server(BlobService(store), server)
        settings = Settings(folder=folder, address="0.0.0.0:0", tls=tls)
        port = listen(server, settings)
        await server.start()
        try:
            return await asyncio.to_thread(scenario, f"localhost:{port}", database)
        finally:
            await server.stop(None)
            database.close()

    return asyncio.run(serve())


def put(endpoint, data=b"picture"):
    """Upload something; return the status, ``OK`` where it worked."""
    digest = hashlib.sha256(data).hexdigest()
    with open_channel(endpoint) as channel:
        try:
            pieces = iter([pb.PutRequest(sha256=digest, chunk=data)])
            rpc.BlobServiceStub(channel).Put(pieces, metadata=METADATA, timeout=5)
        except grpc.RpcError as problem:
            return problem.code().name
    return "OK"


def test_other_machines_get_in_with_the_right_authority_only(tmp_path, authority):
    tls = TlsFiles(*authority.issue("server"))
    stranger = Authority(tmp_path, "stranger")

    def scenario(address, _):
        plain = grpc.insecure_channel(address)
        with pytest.raises(grpc.RpcError) as caught:
            rpc.BlobServiceStub(plain).Stat(pb.StatRequest(), metadata=METADATA, timeout=5)
        plain.close()
        return (
            put(Endpoint(address, ca=authority.file)),
            put(Endpoint(address, ca=stranger.file)),
            caught.value.code().name,
        )

    assert served(tmp_path, tls, scenario) == ("OK", "UNAVAILABLE", "UNAVAILABLE")


def test_a_certificate_for_another_host_is_refused_by_clients(tmp_path, authority):
    tls = TlsFiles(*authority.issue("server", hosts=("example.com",)))
    found = served(tmp_path, tls, lambda address, _: put(Endpoint(address, ca=authority.file)))
    assert found == "UNAVAILABLE"


def test_with_an_authority_for_clients_nobody_else_is_served_and_names_are_theirs(
    tmp_path, authority
):
    clients = Authority(tmp_path, "clients")
    tls = TlsFiles(*authority.issue("server"), clients.file)
    mine = clients.issue("anna l.", hosts=())
    forged = Authority(tmp_path, "forger").issue("bob", hosts=())
    old = clients.issue("old", hosts=(), days=-1)

    def scenario(address, database):
        with_own = [
            put(Endpoint(address, ca=authority.file, certificate=each[0], key=each[1]))
            for each in (mine, forged, old)
        ]
        without = put(Endpoint(address, ca=authority.file))
        with database.transaction("look") as connection:
            names = connection.execute("SELECT client FROM blobs").fetchall()
        return with_own, without, names

    with_own, without, names = served(tmp_path, tls, scenario)
    assert with_own == ["OK", "UNAVAILABLE", "UNAVAILABLE"]
    assert without == "UNAVAILABLE"
    assert names == [("anna-l.",)], "not the name that the caller gave itself"


def test_renewed_files_are_taken_up_and_bad_ones_left_alone(tmp_path, authority):
    files = authority.issue("server", days=1)
    tls = TlsFiles(*files)
    other = Authority(tmp_path, "other")
    renewed = other.issue("renewed")

    def scenario(address, _):
        before = put(Endpoint(address, ca=authority.file))
        files[0].write_bytes(b"half a certi")
        broken = put(Endpoint(address, ca=authority.file), b"1")
        for old, new in zip(files, renewed, strict=True):
            old.write_bytes(new.read_bytes())
        return before, broken, put(Endpoint(address, ca=other.file), b"2")

    assert served(tmp_path, tls, scenario) == ("OK", "OK", "OK")


def test_the_status_takes_up_renewed_files_too(tmp_path, authority):
    """It showed the certificate of its start, long after that had ended."""
    files = authority.issue("server")
    other = Authority(tmp_path, "other")
    renewed = other.issue("renewed")

    async def greeted(port, ca):
        trusted = ssl.create_default_context(cafile=ca)
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
        except ssl.SSLError:
            return False
        writer.close()
        return True

    async def scenario():
        def met(_, writer):
            writer.close()

        context = TlsFiles(*files).http_context()
        listening = await asyncio.start_server(met, "127.0.0.1", 0, ssl=context)
        port = listening.sockets[0].getsockname()[1]
        seen = [await greeted(port, authority.file)]
        files[0].write_bytes(b"half a certi")
        seen.append(await greeted(port, authority.file))
        for old, new in zip(files, renewed, strict=True):
            old.write_bytes(new.read_bytes())
        seen += [await greeted(port, other.file), await greeted(port, authority.file)]
        seen.append(await greeted(port, other.file))
        listening.close()
        return seen

    assert asyncio.run(scenario()) == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("spoil", "field", "words"),
    [
        (lambda c, k: c.unlink(), "tls-cert", "No such file"),
        (lambda c, k: k.unlink(), "tls-key", "No such file"),
        (lambda c, k: c.write_text("no PEM"), "tls-cert", "BEGIN CERTIFICATE"),
        (lambda c, k: k.write_text("no PEM"), "tls-key", "BEGIN PRIVATE KEY"),
        (lambda c, k: c.write_bytes(k.read_bytes()), "tls-cert", "BEGIN CERTIFICATE"),
    ],
)
def test_files_that_cannot_be_read_are_said_by_name(authority, spoil, field, words):
    certificate, key = authority.issue("server")
    spoil(certificate, key)
    with pytest.raises(InvalidField, match=words) as caught:
        TlsFiles(certificate, key)
    assert caught.value.field == field


@posix
def test_a_key_that_others_may_read_is_refused(authority):
    certificate, key = authority.issue("server")
    key.chmod(0o644)
    with pytest.raises(InvalidField, match=f"Fix: chmod 600 {key}") as caught:
        TlsFiles(certificate, key)
    assert caught.value.field == "tls-key"
    key.chmod(0o640)  # as Debian's group of certificates has it
    assert TlsFiles(certificate, key)


def test_an_expired_certificate_is_refused_with_its_date(authority):
    ended = datetime.now(UTC) - timedelta(days=1)
    with pytest.raises(InvalidField, match="renew it") as caught:
        TlsFiles(*authority.issue("server", days=-1))
    assert f"{ended:%Y-%m-%d}" in str(caught.value)


def test_the_key_of_another_certificate_is_refused(authority):
    certificate, _ = authority.issue("one")
    _, key = authority.issue("two")
    with pytest.raises(InvalidField, match="made together") as caught:
        TlsFiles(certificate, key)
    assert caught.value.field == "tls-key"


def test_a_key_with_a_passphrase_is_refused_with_the_way_out(authority):
    with pytest.raises(InvalidField, match="openssl pkey -in"):
        TlsFiles(*authority.issue("server", password=b"secret"))


def test_the_authority_of_clients_must_be_one(authority):
    certificate, key = authority.issue("server")
    with pytest.raises(InvalidField, match="signed those of the clients") as caught:
        TlsFiles(certificate, key, certificate)
    assert caught.value.field == "tls-client-ca"


@pytest.mark.parametrize("address", ["0.0.0.0:7860", "[::]:7860", "192.168.1.2:1", "studio.lan:1"])
def test_the_exposure_says_who_can_connect(tmp_path, authority, address):
    tls = TlsFiles(*authority.issue("server"), authority.file)
    told = "\n".join(exposure(Settings(folder=tmp_path, address=address, tls=tls)))
    for words in ("every machine that reaches this one", "localhost, 127.0.0.1", "Renew",
                  "under the name in it", "Reflection is off"):  # fmt: skip
        assert words in told
    assert "No other machine can connect" not in told


def test_a_certificate_without_hosts_is_warned_of(authority):
    (_, words) = TlsFiles(*authority.issue("server", hosts=())).warnings()
    assert "clients will refuse it" in words


@pytest.mark.parametrize("address", ["192.168.1.2:7860", "example.com:7860", "[2001:db8::1]:1"])
def test_the_token_never_travels_without_tls(address, monkeypatch):
    monkeypatch.delenv("RETOUCH_DAEMON_CA", raising=False)
    with pytest.raises(InvalidField, match="RETOUCH_DAEMON_CA"):
        open_channel(Endpoint(address))


def test_a_clients_certificate_needs_its_key(authority):
    certificate, _ = authority.issue("client")
    with pytest.raises(InvalidField, match="give both"):
        open_channel(Endpoint("localhost:1", ca=authority.file, certificate=certificate))
