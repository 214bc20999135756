"""What can go wrong with what is kept on disk."""

from __future__ import annotations


class StorageError(Exception):
    """Base of the errors of the daemon's storage.

    Attributes:
        fix: what to do about it, one imperative clause.
    """

    fix: str = ""


class NoDigest(StorageError, ValueError):
    """What names a blob is no digest: so no request can name a path.

    Args:
        given: what was given.
    """

    def __init__(self, given: str) -> None:
        self.field, self.value, self.fix = "sha256", given[:80], "send the SHA-256 of the bytes"
        self.allowed = "64 lower-case hexadecimal digits"
        super().__init__(f"sha256: got {self.value!r}; allowed: {self.allowed}. Fix: {self.fix}.")


class UnknownBlob(StorageError):
    """Nothing is stored under this digest.

    Args:
        digest: SHA-256 in hexadecimal digits.
    """

    def __init__(self, digest: str) -> None:
        self.digest, self.fix = digest, "upload it first"
        self.field, self.value, self.allowed = "sha256", digest, "digest of a stored blob"
        super().__init__(f"blob: nothing is stored under {digest!r}. Fix: {self.fix}.")


class CorruptBlob(StorageError):
    """What is stored, or was sent, is not what its digest says.

    Args:
        digest: SHA-256 in hexadecimal digits, as asked for.
        found: digest of the bytes.
    """

    def __init__(self, digest: str, found: str) -> None:
        self.digest, self.found, self.fix = digest, found, "upload it again"
        self.field, self.value, self.allowed = "sha256", digest, "the digest of the bytes"
        super().__init__(f"blob {digest}: the bytes have digest {found}. Fix: {self.fix}.")


class WrongOffset(StorageError):
    """A chunk does not go on where the upload stands.

    Args:
        digest: SHA-256 in hexadecimal digits.
        offset: where the chunk was to go, in bytes.
        expected: how many bytes are there.
    """

    def __init__(self, digest: str, offset: int, expected: int) -> None:
        self.digest, self.offset, self.expected = digest, offset, expected
        self.fix = "go on from there, or start again at 0"
        self.field, self.value, self.allowed = "offset", offset, f"{expected}, or 0"
        super().__init__(
            f"blob {digest}: got a chunk for byte {offset}; allowed: {expected}. Fix: {self.fix}."
        )


class QuotaExceeded(StorageError):
    """A client, or all together, would keep more than allowed.

    Args:
        what: ``bytes``, ``jobs``.
        value: what there would be.
        allowed: the most there may be.
        fix: what to do about it, one imperative clause.
        retry_seconds: after which the same may work.
    """

    def __init__(
        self, what: str, value: int, allowed: int, fix: str, *, retry_seconds: float = 5.0
    ) -> None:
        self.what, self.value, self.allowed, self.fix = what, value, allowed, fix
        self.retry_seconds = retry_seconds
        super().__init__(f"quota of {what}: got {value}; allowed: {allowed}. Fix: {fix}.")


class UnknownJob(StorageError):
    """There is no such job, or it is another client's.

    Args:
        job_id: the daemon's name of the job.
    """

    def __init__(self, job_id: str) -> None:
        self.job_id, self.fix = job_id, "list your jobs"
        self.field, self.value, self.allowed = "job_id", job_id, "a job of this client"
        super().__init__(f"job: there is none called {job_id!r}. Fix: {self.fix}.")


class StorageFailed(StorageError):
    """The disk or the database refused: full, read-only or damaged.

    Args:
        what: what was to be done.
        problem: the system's own words.
    """

    def __init__(self, what: str, problem: str) -> None:
        self.what, self.problem = what, problem
        self.fix = "see to the disk, then try again"
        super().__init__(f"cannot {what}: {problem}. Fix: {self.fix}.")
