"""Requests that are right: what random ones begin with. Every operation, layout and output."""

import io

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

from retouch.client.edit_messages import edit_message
from retouch.client.uploads import Uploads
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect, Size
from retouch.v1 import (
    blob_service_pb2,
    catalog_service_pb2,
    edit_pb2,
    edit_service_pb2,
    image_pb2,
    live_pb2,
    trust_service_pb2,
)
from retouch_plugins.best_of import BestOf
from retouch_plugins.guidance import Guidance
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask
from retouch_plugins.t2i_adapter import T2IAdapter

SIDE = 40
PIXELS = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def file_of(kind, pixels=PIXELS, **settings):
    """A picture as a file."""
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, kind, **settings)
    return stream.getvalue()


def edits():
    """Requests, and the blobs that they refer to."""
    uploads = Uploads()
    png = file_of("PNG")
    mask = Mask.rectangle(Size(SIDE, SIDE), Rect(4, 4, 24, 24))
    rows = Image(PIXELS.astype(np.float32) / 255)
    other = Image(PIXELS[::-1].copy())
    wanted = [
        {"operations": [SDEdit(strength=0.5), Guidance(scale=3.0)], "steps": 2},
        {"operations": [SoftMask(), SDEdit(strength=1.0)], "mask": mask, "output": "both"},
        {"operations": [PromptToPrompt(source_prompt="a house", words={"red": 2.0})], "steps": 3},
        {"operations": [T2IAdapter(kind="canny")], "steps": 2, "region": Rect(0, 0, 32, 32)},
        {"operations": [IPAdapter(images=(other,))], "steps": 2, "variants": 2},
        {"operations": [BestOf(n=2)], "steps": 2, "media_type": "image/webp"},
        {"operations": [], "steps": 2, "depth": "uint16", "preview_steps": 1, "time_limit": 60},
        {"operations": [SDEdit(strength=0.0)], "working_size": 64, "profile": "srgb"},
    ]  # fmt: skip
    found = []
    for number, settings in enumerate(wanted):
        image = rows if number % 3 == 2 else png
        found.append(edit_message(uploads, image, prompt="a red house", group="g", **settings))
    wrong = [
        png[:60], b"", file_of("TIFF"), file_of("WEBP"), file_of("JPEG"),
        file_of("PNG", PIXELS[..., 0]),
        np.full(SIDE * SIDE * 4, np.nan, np.float32).tobytes(),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ]  # fmt: skip
    for data in wrong:
        uploads.data(data)
    return found, dict(uploads.pending)


def calls(found, digests, jobs):
    """Calls of all methods that are right, or nearly."""
    edit, digest = found[0], digests[0]
    ref = image_pb2.ImageRef(sha256=digest)
    change = live_pb2.LiveChange(source=ref, prompt=edit_pb2.Prompt(text="a cat"))
    picture = trust_service_pb2.PictureFile(sha256=digest)
    return {
        "EditService/Submit": [(edit_service_pb2.SubmitRequest(edit=each),) for each in found],
        "EditService/Plan": [(edit_service_pb2.PlanRequest(edit=each),) for each in found],
        "EditService/Run": [(edit_service_pb2.RunRequest(edit=edit),)],
        "EditService/Watch": [(edit_service_pb2.WatchRequest(job_id=jobs[0]),)],
        "EditService/Update": [(edit_service_pb2.UpdateRequest(job_ids=jobs, paused=True),)],
        "EditService/Cancel": [(edit_service_pb2.CancelRequest(group="g"),)],
        "EditService/ListJobs": [(edit_service_pb2.ListJobsRequest(states=[1, 2]),)],
        "EditService/Live": [
            (live_pb2.LiveRequest(frame=1, edit=edit), live_pb2.LiveRequest(frame=2, change=change))
        ],
        "BlobService/Missing": [(blob_service_pb2.MissingRequest(sha256=digests),)],
        "BlobService/Put": [
            (blob_service_pb2.PutRequest(sha256=digest, chunk=b"a"),
             blob_service_pb2.PutRequest(chunk=b"b"))
        ],
        "BlobService/Get": [(blob_service_pb2.GetRequest(sha256=digest),)],
        "BlobService/Stat": [(blob_service_pb2.StatRequest(sha256=digest),)],
        "BlobService/Pin": [(blob_service_pb2.PinRequest(sha256=digest, pinned=True),)],
        "CatalogService/Describe": [(catalog_service_pb2.DescribeRequest(),)],
        "CatalogService/LoadModel": [(catalog_service_pb2.LoadModelRequest(model="retouch-mini"),)],
        "CatalogService/UnloadModel": [
            (catalog_service_pb2.UnloadModelRequest(model="retouch-mini"),)
        ],
        "TrustService/Verify": [(trust_service_pb2.VerifyRequest(picture=picture),)],
        "TrustService/Receipt": [(trust_service_pb2.ReceiptRequest(record="00000000"),)],
        "TrustService/SignExport": [(trust_service_pb2.SignExportRequest(picture=picture),)],
    }  # fmt: skip
