"""An engine's process that means harm: what it does is the name of the job that it is given.

It has the real link and speaks the real frames, but knows no network; so it starts at once.
"""

import json
import os
import socket
import time

import click
import numpy as np
from safetensors.numpy import save

from retouch.v1 import edit_pb2, errors_pb2, image_pb2, job_pb2
from retouch_daemon.link.blocking import CLOSED, BlockingLink
from retouch_daemon.link.frames import Frame

#: Of the embedded model: a 128 pixel document is worked on at 128 pixels, a fourth of them latents.
SHAPE = (1, 4, 32, 32)
PIXELS = np.full((128, 128, 3), 77, np.uint8).tobytes()
DIGEST = "5" * 64
HANGS = 60.0  # seconds


def digest_of(request):
    import hashlib

    return hashlib.sha256(request).hexdigest()


class Job:
    """One job, and what can be said about it."""

    def __init__(self, link, frame):
        self.link, self.request = link, frame.payload
        self.named = {name: frame.values[name] for name in ("job_id", "attempt")}
        self.message = edit_pb2.EditRequest.FromString(frame.payload)
        self.mode = self.message.client_job_id.partition(":")[0]

    def say(self, kind, payload=b"", **values):
        self.link.send(Frame(kind, {**self.named, **values}, payload))

    def event(self, state=None, **what):
        event = job_pb2.JobEvent(**what)
        self.say("event", event.SerializeToString(), blobs=[], state=state)

    def finished(self, tensors=None, *, seeds=None, payload=None, **values):
        tensors = {"0.0": np.zeros(SHAPE, np.float32)} if tensors is None else tensors
        seeds = [[0]] if seeds is None else seeds
        order = [[{"seed": seed, "settings": {}} for seed in some] for some in seeds]
        known = {"digest": digest_of(self.request), "order": json.dumps(order)}
        self.say("finished", save(tensors) if payload is None else payload, **known | values)

    def look(self, latents, **values):
        known = {"digest": digest_of(self.request), "trajectory": 0, "done": 1, "of": 2}
        self.say("look", save({"look": latents}), **known | values)


def picture():
    ref = image_pb2.ImageRef(sha256=DIGEST, size_bytes=len(PIXELS))
    ref.raw.size.width = ref.raw.size.height = 128
    return ref


def swapped(job):
    """The digest of a request for something else."""
    other = edit_pb2.EditRequest()
    other.CopyFrom(job.message)
    other.prompt.text = "another picture"
    return digest_of(other.SerializeToString())


def lying_header():
    header = json.dumps({"0.0": {"dtype": "F32", "shape": list(SHAPE), "data_offsets": [0, 16]}})
    return len(header).to_bytes(8, "little") + header.encode() + bytes(16)


def silent(job):
    job.link._sending.acquire()  # beats wait, too
    time.sleep(HANGS)


ZEROS = np.zeros(SHAPE, np.float32)
FAILED = errors_pb2.Failed(message="x" * 50_000, code=errors_pb2.ERROR_CODE_INTERNAL)
MODES = {
    "honest": lambda job: job.finished(),
    "honest in doubles": lambda job: job.finished({"0.0": np.zeros(SHAPE)}),
    "with a look": lambda job: (job.look(ZEROS), job.look(ZEROS), job.finished()),
    "a look alone": lambda job: job.look(ZEROS),
    "not finite": lambda job: job.finished({"0.0": ZEROS * np.nan}),
    "infinite": lambda job: job.finished({"0.0": ZEROS + np.inf}),
    "long words": lambda job: job.say("failed", FAILED.SerializeToString()),
    "dies": lambda job: os._exit(3),
    "hangs": silent,
    # pixels, as the gate would send them
    "blob": lambda job: job.link.send(Frame("blob", {"digest": DIGEST}, PIXELS)),
    "small blob": lambda job: job.link.send(Frame("blob", {"digest": DIGEST}, PIXELS[:99])),
    "result": lambda job: job.event(result=job_pb2.Result(composited=picture())),
    "preview": lambda job: job.event(preview=job_pb2.Preview(image=picture())),
    "done": lambda job: job.event(state="done", done=job_pb2.Done(released=1)),
    "unknown kind": lambda job: job.say("picture", PIXELS[:99]),
    # the gate's words
    "admitted": lambda job: job.say("admitted", job.request),
    "distrusted": lambda job: job.say("distrusted", why="the gate"),
    "at": lambda job: job.say("at"),
    # pixels, where something else is expected
    "pixels in progress": lambda job: job.say("progress", PIXELS, done=1, of=2),
    "pixels in failed": lambda job: job.say("failed", PIXELS * 2),
    "pixels as a look": lambda job: job.look(np.zeros((1, 3, 128, 128), np.float32)),
    "pixels as latents": lambda job: job.finished({"0.0": np.zeros((1, 3, 128, 128), np.float32)}),
    "bytes as latents": lambda job: job.finished({"0.0": np.zeros(SHAPE, np.uint8)}),
    "no safetensors": lambda job: job.finished(payload=PIXELS),
    "empty": lambda job: job.finished(payload=b""),
    "header that lies": lambda job: job.finished(payload=lying_header()),
    "half": lambda job: job.finished(payload=save({"0.0": ZEROS})[:-500]),
    "one more": lambda job: job.finished({"0.0": ZEROS, "1.0": ZEROS}),
    "none": lambda job: job.finished({}),
    "pixels in the settings": lambda job: job.finished(order=json.dumps([[list(range(999))]])),
    # another request than was admitted
    "swapped": lambda job: job.finished(digest=swapped(job)),
    "swapped look": lambda job: job.look(ZEROS, digest=swapped(job)),
    "no digest": lambda job: job.finished(digest=""),
    "another seed": lambda job: job.finished(seeds=[[5]]),
    "no seeds": lambda job: job.finished(order="{"),
    "another trajectory": lambda job: job.look(ZEROS, trajectory=4),
    "a job it was not given": lambda job: job.finished(job_id="f" * 32),
}


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--link", type=int)
@click.option("--beat", type=float)
def main(link, beat):
    link = BlockingLink(socket.socket(fileno=link))
    link.send(Frame("ready", {"device": "cpu", "dtype": "float32"}))
    link.beat(beat)
    while (frame := link.receive()) is not CLOSED:
        if frame.kind == "start":
            job = Job(link, frame)
            MODES[job.mode](job)


if __name__ == "__main__":
    main()
