"""One edit at the gate: admitted, looked at on its way, and released."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from retouch.admitted import Admitted, some_released
from retouch.catalog import installed
from retouch.errors import Blocked, RetouchError
from retouch.plan import make_plan
from retouch.previews import seal_preview
from retouch.request import EditRequest
from retouch.result import EditResult
from retouch.trajectories import Step
from retouch.v1 import edit_pb2, job_pb2, sampling_pb2
from retouch_daemon.failures import blocked_of
from retouch_daemon.gate.answers import Answers, SendBlob, event
from retouch_daemon.gate.decoders import Decoders
from retouch_daemon.gate.telling import Telling
from retouch_daemon.handover import NotAsAdmitted, digest_of, unpacked, unpacked_look
from retouch_daemon.link.frames import Frame
from retouch_daemon.reading.pictures import Fetch
from retouch_daemon.reading.requests import message_paths, read_request
from retouch_daemon.storage.job_records import State
from retouch_safety.gate import Gate
from retouch_safety.sealed import Sealed

#: Longest side of a look, in pixels, unless a client chooses.
_SIDE: Final = 256


class CheckedEdit:
    """One job.

    Args:
        job_id: the daemon's name of it.
        asked: the request, serialised.
        telling: tells what becomes of it.
        gate: admits and releases.
        decoders: lend the model's.
    """

    def __init__(
        self, job_id: str, asked: bytes, telling: Telling, gate: Gate, decoders: Decoders
    ) -> None:
        self.job_id, self.telling = job_id, telling
        self._asked, self._request = asked, b""
        self._gate, self._decoders = gate, decoders
        self._loans = ExitStack()
        self._began = time.monotonic()
        self.over = False

    def again(self, asked: bytes, telling: Telling) -> bool:
        """Take it up after the engine has lost it; False where it was not admitted as such.

        What was admitted stays so, with its seeds, and nothing is looked at twice.
        """
        if not self._request or self.over or asked not in (self._asked, self._request):
            return False
        self.telling = telling
        telling.admitted(self._request)
        return True

    def admission(self, fetch: Fetch) -> Iterator[None]:
        """Read it, plan it and let the gate look at it; where nothing changes that is all."""
        message = edit_pb2.EditRequest.FromString(self._asked)
        self._variants = message.output.count or 1
        try:
            catalog = installed()
            request = read_request(message, catalog, fetch)
            with message_paths(message):
                plan = make_plan(request, catalog)
            self._admitted = Admitted(plan, self._gate, self.job_id)
        except Blocked as refusal:
            self._blocked(refusal)
            return
        self._message = edit_pb2.EditRequest.FromString(settled(message, self._asked, request))
        self.telling.event(event(phases=self._answers().phases()))
        if self._admitted.changes_nothing:
            try:
                self._tell_results(self._admitted.unchanged())
            except Blocked as refusal:
                self._blocked(refusal)
            return
        self._request = settled(message, self._asked, request)
        self.telling.admitted(self._request)
        yield
        # While the engine works there is time to load what its latents will need.
        self._decoders.borrow(self._admitted.plan.model.name, self._loans)

    def look(self, frame: Frame) -> None:
        """Show what the engine has come to. Raises NotAsAdmitted."""
        self._check(frame)
        plan = self._admitted.plan
        latents = unpacked_look(frame.payload, plan)
        done, of, trajectory = (frame.number(name) for name in ("done", "of", "trajectory"))
        if trajectory >= plan.request.variants * plan.candidates:
            raise NotAsAdmitted(f"a look at trajectory {trajectory}")

        def seal(max_side: int | None) -> Sealed:
            with ExitStack() as loan:
                decoder = self._decoders.borrow(plan.model.name, loan)
                return seal_preview(plan, decoder, latents, max_side)

        step = Step(done, of, trajectory, seal, plan)
        try:
            released = self._admitted.look(step, self._message.output.preview.max_side_px or _SIDE)
        except RetouchError:
            return  # a look that cannot be had is no fault of the edit
        if released is not None:
            answers = self._answers(self.telling.passing_blob)
            message = answers.preview(step.variant, released)
            self.telling.event(event(preview=message), answers.take_blobs())

    def release(self, frame: Frame) -> Iterator[None]:
        """Decode, release and tell every variant, in steps of one decoding or one release.

        Of the candidates for a variant the best is tried first, and the others where it is refused.

        Raises:
            NotAsAdmitted: the engine handed over what was not admitted.
        """
        self._check(frame)
        variants = unpacked(frame.text("order"), frame.payload, self._admitted.plan)
        decoder = self._decoders.borrow(self._admitted.plan.model.name, self._loans)
        deep = self._admitted.plan.request.image.deep
        results: list[EditResult] = []
        for candidates in variants:
            first: EditResult | None = None
            for candidate in candidates:
                yield
                tried = candidate.tried(decoder, deep=deep)
                yield
                result = self._admitted.tried(*tried)
                first = first or result
                if result.refused is None:
                    first = result
                    break
            assert first is not None
            results.append(first)
        yield
        try:
            self._tell_results(some_released(results))
        except Blocked as refusal:
            self._blocked(refusal)

    def close(self) -> None:
        """Give the decoder back. Harmless twice."""
        self._loans.close()

    def _check(self, frame: Frame) -> None:
        """What the engine has run must be what was admitted. Raises NotAsAdmitted."""
        if not self._request:
            raise NotAsAdmitted("an edit that was not admitted")
        if frame.text("digest") != digest_of(self._request):
            raise NotAsAdmitted("it ran another request than was admitted")

    def _answers(self, send_blob: SendBlob | None = None) -> Answers:
        device, send_blob = self._decoders.engine_device, send_blob or self.telling.blob
        return Answers(self._message, self._admitted.plan, device, send_blob)

    def _tell_results(self, results: Sequence[EditResult]) -> None:
        """Tell the variants; one that the gate refused has its refusal in its place."""
        blocked, answers = 0, self._answers()
        for number, result in enumerate(results):
            if result.refused is not None:
                blocked += 1
                self.telling.event(event(blocked=blocked_of(result.refused)))
            else:
                message = answers.result(number, result)
                self.telling.event(event(result=message), answers.take_blobs())
        done = job_pb2.Done(released=len(results) - blocked, blocked=blocked)
        done.run_time.FromNanoseconds(round((time.monotonic() - self._began) * 1e9))
        self.over = True
        self.telling.event(event(done=done), state=State.DONE)

    def _blocked(self, refusal: Blocked) -> None:
        self.over = True
        self.telling.failed(refusal, self._variants)


def settled(message: edit_pb2.EditRequest, asked: bytes, request: EditRequest) -> bytes:
    """Return a request as the engine gets it, serialised: with the seed that was drawn, if one was.

    So both processes, and every new beginning, read the same request.
    """
    if message.sampling.seed_mode != sampling_pb2.SEED_MODE_RANDOM:
        return asked
    drawn = edit_pb2.EditRequest()
    drawn.CopyFrom(message)
    drawn.sampling.ClearField("seed_mode")
    drawn.sampling.seeds.append(request.seed)
    return drawn.SerializeToString()
