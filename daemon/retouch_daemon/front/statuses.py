"""Errors of a call as gRPC statuses, with the typed message in the trailing metadata."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from retouch.client.failures import BLOCKED_KEY, FAILED_KEY
from retouch.errors import Blocked, RetouchError
from retouch.v1 import errors_pb2
from retouch_daemon.failures import blocked_of, failed_of, status_of
from retouch_daemon.front.worker_process import WorkerGone
from retouch_daemon.storage.errors import StorageError

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
        await _abort(context, status_of(problem), failed_of(problem))
    except ValueError as problem:  # a digest that is none
        message = failed_of(problem)
        message.code = errors_pb2.ERROR_CODE_INVALID_FIELD
        await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, message)
    except WorkerGone as problem:
        message = failed_of(problem)
        message.retryable = True
        await _abort(context, grpc.StatusCode.UNAVAILABLE, message)
    except (grpc.aio.AbortError, grpc.aio.UsageError):
        raise
    except Exception as problem:
        _log.exception("a call failed")
        await _abort(context, grpc.StatusCode.INTERNAL, failed_of(problem))


async def _abort(
    context: grpc.aio.ServicerContext[Any, Any],
    status: grpc.StatusCode,
    message: errors_pb2.Failed | errors_pb2.Blocked,
) -> None:
    blocked = isinstance(message, errors_pb2.Blocked)
    words = message.advice if isinstance(message, errors_pb2.Blocked) else message.message
    key = BLOCKED_KEY if blocked else FAILED_KEY
    await context.abort(status, words, ((key, message.SerializeToString()),))
