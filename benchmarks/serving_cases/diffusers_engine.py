"""An engine of diffusers' own pipelines, one request after another, behind the daemon's front.

It speaks the daemon's link as its engine does: requests come as the gate admitted them, and latents
go to the same gate. Reading requests, cutting out the working picture, weights, number format and
memory order are the daemon's, too. What differs is how edits are run.
"""

from __future__ import annotations

import socket
import time
import warnings
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

import click
import diffusers
import torch
from cases.reference import quiet, scheduler

from retouch.candidates import Candidate
from retouch.catalog import installed
from retouch.imaging.image import to_model_range
from retouch.imaging.patch import extract
from retouch.models.loading import load_checkpoint
from retouch.models.precision import choose_dtype, place_network
from retouch.models.records import find_model
from retouch.plan import Plan, make_plan
from retouch.v1 import edit_pb2
from retouch_daemon.failures import failed_of
from retouch_daemon.handover import digest_of, packed
from retouch_daemon.link.blocking import CLOSED, BlockingLink, Inbox, leave_soon
from retouch_daemon.link.frames import Frame
from retouch_daemon.reading.requests import read_request
from retouch_daemon.storage.reading import read_blob
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.sdedit import SDEdit
from serving_cases.diary import Diary


class Left(Exception):
    """Nobody wants the edit any more, or the front is gone."""


class Pipelines:
    """diffusers' pipelines on the installed models' weights, each made when it is first wanted.

    Args:
        dtype: number format of all networks.
        diary: gets a line for every forward of a network; without one there are none.
    """

    def __init__(self, dtype: torch.dtype, diary: Diary | None = None) -> None:
        self.dtype = dtype
        self._diary, self._began = diary, 0.0
        self._made: dict[tuple[str, str], Any] = {}

    def of(self, plan: Plan) -> Any:
        """The pipeline for a plan: of its model, for its task."""
        instructs = any(isinstance(each, InstructPix2Pix) for each in plan.operations)
        task = "InstructPix2Pix" if instructs else "Img2Img"
        key = (plan.model.name, task)
        if key not in self._made:
            self._made[key] = self._make(plan, f"StableDiffusion{task}Pipeline")
        return self._made[key]

    def _make(self, plan: Plan, name: str) -> Any:
        known = load_checkpoint(find_model(plan.model.name))
        for network in (known.unet, known.vae, *known.text_encoders):
            place_network(network, torch.device("cpu"), self.dtype, torch.channels_last)
        made = getattr(diffusers, name)(
            unet=known.unet,
            vae=known.vae,
            text_encoder=known.text_encoders[0],
            tokenizer=known.tokenizers[0],
            scheduler=scheduler(plan.sampler, known.scheduler_config),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        made.set_progress_bar_config(disable=True)
        if self._diary is not None:
            known.unet.register_forward_pre_hook(self._before)
            known.unet.register_forward_hook(partial(self._after, self._diary))
        return made

    def _before(self, network: Any, given: Any) -> None:
        self._began = time.monotonic()

    def _after(self, diary: Diary, network: Any, given: Any, answer: Any) -> None:
        rows = given[0].shape[0]
        diary.note("forward", begin=self._began, rows=rows, edits=1)

    @torch.no_grad()
    def run(self, plan: Plan, **more: Any) -> torch.Tensor:
        """Return the latents of a plan, scaled, ``[1, C, h, w]``, float32."""
        assert plan.region is not None
        request = plan.request
        pixels = torch.from_numpy(to_model_range(extract(request.image, plan.region)))[None]
        latents: torch.Tensor = self.of(plan)(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt or None,
            image=(pixels + 1) / 2,
            num_inference_steps=plan.steps,
            generator=torch.Generator().manual_seed(request.seed),
            output_type="latent",
            **scales(plan),
            **more,
        ).images
        return latents.float()


def scales(plan: Plan) -> dict[str, float]:
    """Strength and guidance of a plan, as the pipelines call them."""
    found = {"guidance_scale": plan.geometry.guidance}
    for operation in plan.operations:
        if isinstance(operation, SDEdit):
            found["strength"] = operation.strength
        elif isinstance(operation, InstructPix2Pix):
            assert operation.text_scale is not None
            found["guidance_scale"] = operation.text_scale
            found["image_guidance_scale"] = operation.image_scale
        elif isinstance(operation, Guidance) and operation.scale is not None:
            found["guidance_scale"] = operation.scale
    return found


class QueueLoop:
    """Runs requests in the order in which they come.

    Args:
        link: to the front.
        blobs: folder of the blobs.
    """

    def __init__(self, link: BlockingLink, blobs: Path) -> None:
        self._link, self._blobs = link, blobs
        self._inbox = Inbox(link, leave_soon)
        self._waiting: deque[Frame] = deque()
        self._now = ""
        self._diary = Diary()
        self._pipelines = Pipelines(choose_dtype(torch.device("cpu")), self._diary)

    def run(self, beat: float) -> None:
        """Work until the front closes the link."""
        dtype = str(self._pipelines.dtype).removeprefix("torch.")
        self._link.send(Frame("ready", {"device": "cpu", "dtype": dtype}))
        self._link.beat(beat)
        while True:
            try:
                self._take(wait=not self._waiting)
                if self._waiting:
                    self._edit(self._waiting.popleft())
            except Left:
                if not self._now:
                    return
            self._now = ""

    def _take(self, *, wait: bool) -> None:
        """Take what the front has sent. Raises Left where it ends what is at work."""
        while (frame := self._inbox.take(wait=wait)) is not None:
            wait = False
            if frame is CLOSED:
                self._now = ""
                raise Left
            if frame.kind == "start":
                self._waiting.append(frame)
            elif frame.kind == "drop":
                job = frame.text("job_id")
                self._waiting = deque(f for f in self._waiting if f.text("job_id") != job)
                self._diary.note("drop", job=job)
                if job == self._now:
                    raise Left

    def _edit(self, frame: Frame) -> None:
        self._now = frame.text("job_id")
        named = {name: frame.values[name] for name in ("job_id", "attempt")}
        try:
            with self._diary.timed("start") as line:
                line["job"] = self._now
                catalog = installed()
                message = edit_pb2.EditRequest.FromString(frame.payload)
                plan = make_plan(read_request(message, catalog, self._fetch), catalog)
            self._told_of = {**named, "of": plan.calls}
            latents = self._pipelines.run(plan, callback_on_step_end=self._on_step)
            settings = {"pipeline": type(self._pipelines.of(plan)).__name__}
            made = Candidate(latents, plan.request.seed, settings)
            order, payload = packed([[made]], plan.model.name)
        except Left:
            raise
        except Exception as problem:
            self._link.send(Frame("failed", named, failed_of(problem).SerializeToString()))
            return
        values = {**named, "digest": digest_of(frame.payload), "order": order}
        self._link.send(Frame("finished", values, payload))
        self._diary.note("finished", job=self._now)

    def _on_step(
        self, pipeline: Any, step: int, level: Any, kept: dict[str, Any]
    ) -> dict[str, Any]:
        self._link.send(Frame("progress", {**self._told_of, "done": step + 1}))
        self._take(wait=False)
        return kept

    def _fetch(self, digest: str) -> bytes:
        return read_blob(self._blobs, digest)


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--link", type=int, required=True)
@click.option("--beat", type=float, default=1.0)
@click.option("--blobs", type=click.Path(path_type=Path), required=True)
def main(link: int, beat: float, blobs: Path) -> None:
    """Advance edits until the front closes the link."""
    quiet()
    warnings.simplefilter("ignore")
    try:
        QueueLoop(BlockingLink(socket.socket(fileno=link)), blobs).run(beat)
    except OSError:
        return


if __name__ == "__main__":
    main()
