"""Who calls: the token's file, and a real server that serves nobody without it."""

import asyncio
import hashlib
import hmac
import os

import grpc
import pytest

from retouch.v1 import blob_service_pb2 as pb
from retouch.v1 import blob_service_pb2_grpc as rpc
from retouch_daemon.front import identity
from retouch_daemon.front.blob_service import BlobService
from retouch_daemon.front.call_guard import Callers, CallGuard
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.front.identity import CLIENT_KEY, TOKEN_KEY, TokenCheck, read_token
from retouch_daemon.storage.blob_store import BlobLimits, BlobStore
from retouch_daemon.storage.database import Database

TOKEN = "the-right-token"
RIGHT = ((TOKEN_KEY, f"Bearer {TOKEN}"),)
PICTURE = b"picture"
DIGEST = hashlib.sha256(PICTURE).hexdigest()
posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")


@posix
def test_a_new_token_is_its_owners_only_whatever_the_mask(memory_folder):
    file = memory_folder / "new" / "token"
    previous = os.umask(0)
    try:
        token = read_token(file)
    finally:
        os.umask(previous)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert len(token) >= 43, "256 bits"
    assert file.read_text() == token + "\n"


def test_a_token_stays_and_two_are_never_the_same(memory_folder):
    assert read_token(memory_folder / "a") == read_token(memory_folder / "a")
    assert read_token(memory_folder / "a") != read_token(memory_folder / "b")


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777, 0o644])
def test_a_token_that_others_may_read_is_refused(memory_folder, mode):
    file = memory_folder / "token"
    read_token(file)
    file.chmod(mode)
    with pytest.raises(ValueError, match="chmod 600"):
        read_token(file)
    file.chmod(0o400)
    assert read_token(file)


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\t"])
def test_an_empty_token_lets_nobody_in(memory_folder, content):
    file = memory_folder / "token"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(ValueError, match="empty"):
        read_token(file)


def test_a_token_that_cannot_be_made_is_an_os_error(memory_folder):
    (memory_folder / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        read_token(memory_folder / "file" / "token")


def served(memory_folder, scenario, token=TOKEN):
    """Run a scenario with the stub of a server that has one blob."""

    async def serve():
        database = Database(memory_folder / "journal.sqlite")
        store = BlobStore(memory_folder / "blobs", database, BlobLimits())
        store.add(PICTURE, "somebody")
        server = grpc.aio.server(interceptors=(TokenCheck(token), CallGuard(Callers(CallLimits()))))
        rpc.add_BlobServiceServicer_to_server(BlobService(store), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with (
                grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
                asyncio.timeout(20),
            ):
                return await scenario(rpc.BlobServiceStub(channel), channel, database)
        finally:
            await server.stop(None)
            database.close()

    return asyncio.run(serve())


async def answer_of(call):
    """What a call gives: its messages, or its status."""
    try:
        if hasattr(call, "__aiter__"):
            return [message async for message in call]
        return await call
    except grpc.aio.AioRpcError as problem:
        return problem.code(), problem.details()


def pieces():
    return iter([pb.PutRequest(sha256=DIGEST, chunk=PICTURE)])


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        ((TOKEN_KEY, ""),),
        ((TOKEN_KEY, TOKEN),),
        ((TOKEN_KEY, "Bearer "),),
        ((TOKEN_KEY, "Bearer wrong"),),
        ((TOKEN_KEY, f"Bearer {TOKEN}x"),),
        ((TOKEN_KEY, f"Bearer {TOKEN[:-1]}"),),
        ((TOKEN_KEY, f"Bearer {TOKEN.upper()}"),),
        ((TOKEN_KEY, f"bearer {TOKEN}"),),
        ((TOKEN_KEY, f"Basic {TOKEN}"),),
        ((TOKEN_KEY, f"Bearer Bearer {TOKEN}"),),
        (("token", TOKEN),),
        ((TOKEN_KEY + "-bin", f"Bearer {TOKEN}".encode()),),
        RIGHT + RIGHT,
        (*RIGHT, (TOKEN_KEY, "Bearer wrong")),
        ((TOKEN_KEY, "Bearer wrong"), *RIGHT),
    ],
)
def test_nobody_is_served_without_exactly_the_token(memory_folder, metadata):
    async def scenario(stub, channel, database):
        return [
            await answer_of(stub.Stat(pb.StatRequest(sha256=DIGEST), metadata=metadata)),
            await answer_of(stub.Missing(pb.MissingRequest(sha256=[DIGEST]), metadata=metadata)),
            await answer_of(stub.Get(pb.GetRequest(sha256=DIGEST), metadata=metadata)),
            await answer_of(stub.Put(pieces(), metadata=metadata)),
        ]

    for status, words in served(memory_folder, scenario):
        assert status is grpc.StatusCode.UNAUTHENTICATED
        assert "Fix: send the metadata" in words
        assert TOKEN not in words


def test_whoever_has_the_token_is_served(memory_folder):
    async def scenario(stub, channel, database):
        stat = await stub.Stat(pb.StatRequest(sha256=DIGEST), metadata=RIGHT)
        got = await answer_of(stub.Get(pb.GetRequest(sha256=DIGEST), metadata=RIGHT))
        put = await stub.Put(pieces(), metadata=RIGHT)
        unknown = await answer_of(stub.Stat(pb.StatRequest(sha256="0" * 64), metadata=RIGHT))
        return stat.blob.size_bytes, got, put.blob.sha256, unknown[0]

    size, got, put, unknown = served(memory_folder, scenario)
    assert size == len(PICTURE)
    assert b"".join(piece.chunk for piece in got) == PICTURE
    assert put == DIGEST
    assert unknown is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("/grpc.health.v1.Health/Check", grpc.StatusCode.UNIMPLEMENTED),
        ("/retouch.v1.BlobService/Stat", grpc.StatusCode.UNAUTHENTICATED),
    ],
)
def test_only_probes_are_let_through(memory_folder, name, status):
    async def scenario(stub, channel, database):
        call = channel.unary_unary(
            name, pb.StatRequest.SerializeToString, pb.StatResponse.FromString
        )
        return await answer_of(call(pb.StatRequest(sha256=DIGEST)))

    assert served(memory_folder, scenario)[0] is status


def test_the_token_is_compared_in_constant_time(memory_folder, monkeypatch):
    compared = []

    class Watched:
        @staticmethod
        def compare_digest(given, expected):
            compared.append((given, expected))
            return hmac.compare_digest(given, expected)

    monkeypatch.setattr(identity, "hmac", Watched)

    async def scenario(stub, channel, database):
        for token in ("wrong", TOKEN):
            given = ((TOKEN_KEY, f"Bearer {token}"),)
            await answer_of(stub.Stat(pb.StatRequest(sha256=DIGEST), metadata=given))

    served(memory_folder, scenario)
    assert compared == [(b"wrong", TOKEN.encode()), (TOKEN.encode(), TOKEN.encode())]


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ((), "default"),
        (("photoshop-1.2_x",), "photoshop-1.2_x"),
        (("a" * 64,), "a" * 64),
        (("a" * 65,), "default"),
        (("two words",), "default"),
        (("../x",), "default"),
        (("' OR 1=1",), "default"),
        (("first", "second"), "first"),
    ],
)
def test_clients_are_told_apart_by_their_names(memory_folder, names, known):
    async def scenario(stub, channel, database):
        data = b"of this client"
        digest = hashlib.sha256(data).hexdigest()
        metadata = (*RIGHT, *((CLIENT_KEY, name) for name in names))
        await stub.Put(iter([pb.PutRequest(sha256=digest, chunk=data)]), metadata=metadata)
        with database.transaction("look") as connection:
            asked = "SELECT client FROM blobs WHERE digest = ?"
            return connection.execute(asked, (digest,)).fetchone()[0]

    assert served(memory_folder, scenario) == known
