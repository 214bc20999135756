"""Errors of a call as gRPC statuses, with the typed message in the trailing metadata."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc

from retouch.client.failures import BLOCKED_KEY, DETAILS_KEY, FAILED_KEY
from retouch.errors import Blocked, RetouchError
from retouch.v1 import errors_pb2
from retouch_daemon.failures import blocked_of, failed_of, status_of, status_of_code
from retouch_daemon.front.status_details import status_details
from retouch_daemon.front.worker_process import WorkerGone
from retouch_daemon.link.frames import Frame
from retouch_daemon.storage.errors import StorageError

#: Seconds that a start takes, about: after them the same call may succeed.
RESTART: Final = 5.0

_log = logging.getLogger(__name__)


class Refusal(Exception):
    """A worker's answer to a call: an error that is a message already.

    Args:
        message: a Failed or a Blocked.
        status: of the call.
    """

    def __init__(
        self, message: errors_pb2.Failed | errors_pb2.Blocked, status: grpc.StatusCode
    ) -> None:
        self.message, self.status = message, status
        super().__init__(str(message))


def refuse_unless_answered(answer: Frame, kind: str) -> None:
    """Raise Refusal where an answer is ``KIND_blocked`` or ``KIND_failed``, with its message."""
    if answer.kind == f"{kind}_blocked":
        blocked = errors_pb2.Blocked.FromString(answer.payload)
        raise Refusal(blocked, grpc.StatusCode.PERMISSION_DENIED)
    if answer.kind == f"{kind}_failed":
        failed = errors_pb2.Failed.FromString(answer.payload)
        raise Refusal(failed, status_of_code(failed.code))


class Draining(Exception):
    """The daemon ends what runs, and takes nothing new."""

    def __init__(self) -> None:
        super().__init__("the daemon is about to stop. Fix: try again when it is back.")


@asynccontextmanager
async def answering(context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[None]:
    """Turn what goes wrong in a call into its status; the daemon goes on."""
    try:
        yield
    except Refusal as refusal:
        await _abort(context, refusal.status, refusal.message)
    except Blocked as problem:
        await _abort(context, status_of(problem), blocked_of(problem))
    except (RetouchError, StorageError) as problem:
        wait = getattr(problem, "retry_seconds", None)
        await _abort(context, status_of(problem), failed_of(problem), wait)
    except (WorkerGone, Draining) as problem:
        message = failed_of(problem)
        message.code, message.retryable = errors_pb2.ERROR_CODE_UNAVAILABLE, True
        await _abort(context, grpc.StatusCode.UNAVAILABLE, message, RESTART)
    except (grpc.aio.AbortError, grpc.aio.UsageError):
        raise
    except grpc.aio.InternalError as problem:  # its caller left in the middle of a stream
        raise asyncio.CancelledError from problem
    except Exception as problem:
        _log.exception("a call failed")
        await _abort(context, grpc.StatusCode.INTERNAL, failed_of(problem))


async def _abort(
    context: grpc.aio.ServicerContext[Any, Any],
    status: grpc.StatusCode,
    message: errors_pb2.Failed | errors_pb2.Blocked,
    retry_seconds: float | None = None,
) -> None:
    blocked = isinstance(message, errors_pb2.Blocked)
    words = message.advice if isinstance(message, errors_pb2.Blocked) else message.message
    key = BLOCKED_KEY if blocked else FAILED_KEY
    details = status_details(status, words, message, retry_seconds)
    metadata = ((key, message.SerializeToString()), (DETAILS_KEY, details))
    await context.abort(status, words, metadata)
