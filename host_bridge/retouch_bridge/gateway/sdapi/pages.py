"""The pages of ``/sdapi/v1``."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from retouch.v1 import catalog_pb2, catalog_service_pb2, job_pb2
from retouch_bridge.gateway.daemon_calls import Caller, Daemon
from retouch_bridge.gateway.refusals import Refused, refusal
from retouch_bridge.gateway.request_bodies import message_body
from retouch_bridge.gateway.sdapi.edits import (
    SAMPLERS,
    Choices,
    Wanted,
    image_to_image,
    text_to_image,
)
from retouch_bridge.gateway.sdapi.fields import Fields
from retouch_bridge.gateway.sdapi.jobs import Job, Jobs
from retouch_bridge.gateway.until_gone import Presence

PLACE: Final = "/sdapi/v1"
#: Bytes of a request: pictures come in base64.
MOST_BYTES: Final = 96 << 20
#: Callers whose options are remembered.
_MOST_CALLERS: Final = 256
#: Of callers without a name.
_NAME: Final = "sdapi"
_Models = list[catalog_pb2.ModelDescription]
_Reader = Callable[[Fields, Choices, _Models], Wanted]


class FacadePages:
    """Serves the facade, as an ASGI application.

    Args:
        daemon: that edits.
        presence: of clients.
    """

    def __init__(self, daemon: Daemon, presence: Presence) -> None:
        self._daemon, self._presence = daemon, presence
        self._jobs = Jobs(daemon)
        self._choices: dict[Caller, Choices] = {}
        self._router = Router(
            [
                Route(f"{PLACE}/txt2img", self._text_to_image, methods=["POST"]),
                Route(f"{PLACE}/img2img", self._image_to_image, methods=["POST"]),
                Route(f"{PLACE}/progress", self._progress),
                Route(f"{PLACE}/interrupt", self._interrupt, methods=["POST"]),
                Route(f"{PLACE}/skip", self._interrupt, methods=["POST"]),
                Route(f"{PLACE}/options", self._options, methods=["GET", "POST"]),
                Route(f"{PLACE}/sd-models", self._models_page),
                Route(f"{PLACE}/samplers", self._samplers),
                *(Route(f"{PLACE}/{name}", _constant(value)) for name, value in _EMPTY.items()),
            ],
            redirect_slashes=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; errors have the form that such clients know. Raises Gone."""
        caller: Caller = scope["caller"]
        scope["caller"] = caller if caller.name else Caller(_NAME)
        try:
            await self._router(scope, receive, send)
        except Refused as problem:
            about = {
                "error": problem.code, "detail": problem.words, "body": "",
                "errors": problem.words, **problem.described(),
            }  # fmt: skip
            headers = dict(problem.headers)
            await JSONResponse(about, problem.status, headers)(scope, receive, send)

    async def _text_to_image(self, request: Request) -> Response:
        return await self._edited(request, text_to_image)

    async def _image_to_image(self, request: Request) -> Response:
        return await self._edited(request, image_to_image)

    async def _edited(self, request: Request, read: _Reader) -> Response:
        caller: Caller = request.scope["caller"]
        fields = await _fields(request)
        wanted = read(fields, self._chosen(caller), await self._models(caller))
        doing = self._answered(fields, wanted, caller)
        return await self._presence.run(request.receive, doing)

    async def _answered(self, fields: Fields, wanted: Wanted, caller: Caller) -> Response:
        job = await self._jobs.run(wanted, caller)
        images = [
            base64.b64encode(await self._jobs.picture(each.composited.sha256, caller)).decode()
            for each in job.results
        ]
        hidden = ("init_images", "mask")
        parameters = {k: v for k, v in fields.given.items() if k not in hidden}
        info = json.dumps(_info(job, wanted), ensure_ascii=False)
        return JSONResponse({"images": images, "parameters": parameters, "info": info})

    async def _progress(self, request: Request) -> Response:
        caller: Caller = request.scope["caller"]
        job = self._jobs.newest(caller)
        state = {
            "skipped": False, "interrupted": job is not None and job.cancelled,
            "job": "" if job is None else job.job_id, "job_count": self._jobs.count(caller),
            "job_timestamp": "0" if job is None else _stamp(job.began), "job_no": 0,
            "sampling_step": 0 if job is None else job.step,
            "sampling_steps": 0 if job is None else job.of_steps,
        }  # fmt: skip
        return JSONResponse(
            {
                "progress": 0.0 if job is None else job.share,
                "eta_relative": 0.0 if job is None else job.remaining,
                "state": state,
                "current_image": None,  # previews are rows of pixels: the gate encodes results
                "textinfo": None,
            }
        )

    async def _interrupt(self, request: Request) -> Response:
        await self._jobs.interrupt(request.scope["caller"])
        return JSONResponse({})

    async def _options(self, request: Request) -> Response:
        caller: Caller = request.scope["caller"]
        if request.method == "POST":
            return JSONResponse({"ignored": self._choose(caller, await _fields(request))})
        chosen = self._chosen(caller)
        return JSONResponse(
            {
                "sd_model_checkpoint": chosen.model,
                "samples_format": "png",
                "live_previews_enable": False,
            }
        )

    def _choose(self, caller: Caller, fields: Fields) -> list[str]:
        """Note a caller's options; return the names of those that change nothing here."""
        chosen = self._chosen(caller)
        chosen = replace(chosen, model=fields.text("sd_model_checkpoint", chosen.model))
        kept = {name: each for name, each in self._choices.items() if name != caller}
        self._choices = dict([*kept.items(), (caller, chosen)][-_MOST_CALLERS:])
        return sorted(fields.given.keys() - {"sd_model_checkpoint"})

    def _chosen(self, caller: Caller) -> Choices:
        return self._choices.get(caller, Choices())

    async def _models_page(self, request: Request) -> Response:
        models = await self._models(request.scope["caller"])
        return JSONResponse(
            [
                {
                    "title": each.name, "model_name": each.name, "hash": each.sha256[:10],
                    "sha256": each.sha256, "filename": each.name, "config": None,
                }
                for each in models
            ]
        )  # fmt: skip

    async def _samplers(self, request: Request) -> Response:
        catalog = await self._catalog(request.scope["caller"])
        return JSONResponse(
            [
                {"name": each.name, "aliases": list(SAMPLERS.get(each.name, ())), "options": {}}
                for each in catalog.samplers
            ]
        )

    async def _models(self, caller: Caller) -> _Models:
        catalog = await self._catalog(caller)
        return [each for each in catalog.models if each.kind == catalog_pb2.MODEL_KIND_BASE]

    async def _catalog(self, caller: Caller) -> catalog_pb2.Catalog:
        asked = catalog_service_pb2.DescribeRequest()
        answer: catalog_service_pb2.DescribeResponse = await self._daemon.ask(
            "CatalogService/Describe", asked, caller
        )
        return answer.catalog


#: What such clients ask for at their start, and what there is none of.
_EMPTY: Final = MappingProxyType[str, Any](
    {
        "cmd-flags": {},
        "embeddings": {"loaded": {}, "skipped": {}},
        "hypernetworks": [],
        "loras": [],
        "prompt-styles": [],
        "schedulers": [{"name": "automatic", "label": "Automatic", "aliases": None}],
        "scripts": {"txt2img": [], "img2img": []},
        "sd-vae": [],
        "upscalers": [],
    }
)


def _constant(value: Any) -> Any:
    async def page(request: Request) -> Response:
        return JSONResponse(value)

    return page


async def _fields(request: Request) -> Fields:
    """The JSON object of a request. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        what, fix = f"got {kind[:80]!r}; allowed: application/json", "send JSON"
        raise refusal("invalid_argument", what, fix, field="Content-Type", status=415)
    body = await message_body(request, MOST_BYTES)
    try:
        found = await asyncio.to_thread(json.loads, body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return Fields(found)
    raise refusal("invalid_argument", "not a JSON object", "send one", field="body", status=422)


def _info(job: Job, wanted: Wanted) -> dict[str, Any]:
    edit, results = wanted.edit, job.results
    prompts = [edit.prompt.text] * len(results)
    effective = results[0].effective if results else None
    used = effective.request if effective is not None else edit
    seeds = [each.seed for each in results]
    return {
        "prompt": edit.prompt.text,
        "all_prompts": prompts,
        "negative_prompt": edit.prompt.negative,
        "all_negative_prompts": [edit.prompt.negative] * len(results),
        "seed": seeds[0] if seeds else -1,
        "all_seeds": seeds,
        "width": results[0].bounds.width if results else 0,
        "height": results[0].bounds.height if results else 0,
        "sampler_name": used.sampling.sampler,
        "steps": used.sampling.steps,
        "batch_size": len(results),
        "sd_model_name": used.model,
        "sd_model_hash": "" if effective is None else effective.model_sha256[:10],
        "job_timestamp": _stamp(job.began),
        "infotexts": [_words(each, edit.prompt.text) for each in results],
        "interrupted": job.cancelled,
        "blocked": len(job.blocked),
        "receipts": [each.receipt for each in results],
    }


def _words(result: job_pb2.Result, prompt: str) -> str:
    used = result.effective.request
    about = f"Steps: {used.sampling.steps}, Sampler: {used.sampling.sampler}, Seed: {result.seed}"
    return f"{prompt}\n{about}, Model: {used.model}, Retouch receipt: {result.receipt_id}"


def _stamp(seconds: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.localtime(seconds))
