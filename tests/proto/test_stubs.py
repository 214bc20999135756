"""The committed stubs are what the contract generates, and messages survive a round trip."""

import math
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from google.protobuf import descriptor, json_format, symbol_database
from google.protobuf.any_pb2 import Any

from retouch import errors
from retouch.v1 import (
    catalog_pb2,
    edit_pb2,
    errors_pb2,
    image_pb2,
    job_pb2,
    mask_pb2,
    operation_pb2,
    plan_pb2,
    sampling_pb2,
)

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    catalog_pb2,
    edit_pb2,
    errors_pb2,
    image_pb2,
    job_pb2,
    mask_pb2,
    operation_pb2,
    plan_pb2,
    sampling_pb2,
)
DIGEST = "0f" * 32


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    out = tmp_path_factory.mktemp("stubs")
    protos = sorted(
        f"proto/retouch/v1/{p.name}" for p in (ROOT / "proto/retouch/v1").glob("*.proto")
    )
    services = [name for name in protos if name.endswith("_service.proto")]
    protoc("mypy", protos, f"--python_out={out}", f"--mypy_out=quiet:{out}")
    protoc("mypy_grpc", services, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}")
    return out / "retouch/v1"


def protoc(plugin, files, *outputs):
    program = Path(sysconfig.get_path("scripts")) / f"protoc-gen-{plugin}"
    named = f"--plugin=protoc-gen-{plugin}={program}"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-Iproto", named, *outputs, *files]
    subprocess.run(command, cwd=ROOT, check=True)


def test_committed_stubs_are_what_the_contract_generates(generated):
    committed = ROOT / "sdk/retouch/v1"
    fresh = {path.name: path.read_text() for path in generated.iterdir()}
    kept = {path.name: path.read_text() for path in committed.glob("*_pb2*.py*")}
    assert sorted(kept) == sorted(fresh), "run `make proto` and commit sdk/retouch/v1"
    stale = [name for name in fresh if fresh[name] != kept[name]]
    assert not stale, f"run `make proto` and commit: {stale}"


def every_operation():
    return [
        operation_pb2.Operation(guidance=operation_pb2.Guidance(scale=0.0), start=0.1, stop=0.9),
        operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.6, repeats=2)),
        operation_pb2.Operation(
            instruct_pix2pix=operation_pb2.InstructPix2Pix(text_scale=7.5, image_scale=1.5)
        ),
        operation_pb2.Operation(soft_mask=operation_pb2.SoftMask(strength=1.0)),
        operation_pb2.Operation(
            prompt_to_prompt=operation_pb2.PromptToPrompt(
                source_prompt="a cat",
                mode=operation_pb2.PROMPT_TO_PROMPT_MODE_REPLACE,
                words={"dog": 2.0},
                blend_words=["dog"],
                invert=False,
            )
        ),
        operation_pb2.Operation(
            ip_adapter=operation_pb2.IPAdapter(
                images=[image_pb2.ImageRef(sha256=DIGEST)], weights=[0.5]
            ),
            region=mask_pb2.Region(rect=image_pb2.Rect(x=-3, y=2, width=10, height=20)),
        ),
        operation_pb2.Operation(
            t2i_adapter=operation_pb2.T2IAdapter(kind=operation_pb2.T2I_ADAPTER_KIND_CANNY)
        ),
        operation_pb2.Operation(best_of=operation_pb2.BestOf(n=4)),
    ]


def a_request():
    # A third party's message stands in as any other message would.
    custom = Any()
    custom.Pack(image_pb2.Size(width=1, height=2), type_url_prefix="example.com/")
    return edit_pb2.EditRequest(
        client_job_id="job-1",
        priority=edit_pb2.PRIORITY_CLASS_LIVE,
        canvas=edit_pb2.Canvas(
            source=image_pb2.ImageRef(
                sha256=DIGEST,
                raw=image_pb2.RawLayout(
                    size=image_pb2.Size(width=640, height=480),
                    channel_order=image_pb2.CHANNEL_ORDER_BGRA,
                    sample_type=image_pb2.SAMPLE_TYPE_UINT16,
                    white_value=32768,
                ),
            ),
            context=edit_pb2.ContextPolicy(padding_fraction=0.5),
        ),
        mask=mask_pb2.Mask(
            image=image_pb2.ImageRef(sha256=DIGEST),
            polarity=mask_pb2.MASK_POLARITY_EDIT_WHITE,
            grow_px=-2.5,
            feather_px=8,
        ),
        prompt=edit_pb2.Prompt(text="a dog", negative="blurry"),
        sampling=sampling_pb2.Sampling(sampler="ddim", steps=20, seeds=[2**63 - 1]),
        operations=[*every_operation(), operation_pb2.Operation(custom=custom)],
        output=edit_pb2.Output(count=2, delivery=edit_pb2.DELIVERY_BOTH),
    )


def test_a_request_survives_bytes():
    request = a_request()
    assert edit_pb2.EditRequest.FromString(request.SerializeToString()) == request


def test_a_request_survives_json_with_its_large_seed():
    request = a_request()
    text = json_format.MessageToJson(request)
    assert f'"{2**63 - 1}"' in text
    assert json_format.Parse(text, edit_pb2.EditRequest()) == request


def test_a_value_of_zero_is_told_from_no_value():
    given = operation_pb2.Guidance.FromString(operation_pb2.Guidance(scale=0.0).SerializeToString())
    assert given.HasField("scale")
    assert not operation_pb2.Guidance().HasField("scale")


def test_every_operation_is_in_the_round_trip():
    techniques = operation_pb2.Operation.DESCRIPTOR.oneofs_by_name["technique"].fields
    used = {operation.WhichOneof("technique") for operation in a_request().operations}
    assert used == {field.name for field in techniques}


def test_a_result_and_its_events_survive_bytes():
    event = job_pb2.JobEvent(
        job_id="7",
        seq=3,
        result=job_pb2.Result(
            patch=image_pb2.ImageRef(sha256=DIGEST),
            bounds=image_pb2.Rect(x=1, y=2, width=3, height=4),
            seed=5,
            effective=plan_pb2.EffectiveParameters(request=a_request(), model_sha256=DIGEST),
        ),
    )
    event.time.GetCurrentTime()
    assert job_pb2.JobEvent.FromString(event.SerializeToString()) == event
    blocked = errors_pb2.Blocked(stage=errors_pb2.GATE_STAGE_DETECTOR, score=0.9, threshold=0.8)
    event.blocked.CopyFrom(blocked)
    assert event.WhichOneof("event") == "blocked"
    described = catalog_pb2.ParameterDescription(name="strength", minimum=0.0, maximum=1.0)
    described.default_value.number_value = 0.6
    copy = catalog_pb2.ParameterDescription.FromString(described.SerializeToString())
    assert math.isclose(copy.default_value.number_value, 0.6)


def test_every_error_class_has_a_code():
    codes = set(errors_pb2.ErrorCode.keys())
    leaves = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RetouchError)
    ]
    events = {errors.RetouchError, errors.ModelError, errors.Blocked, errors.Cancelled}
    for kind in leaves:
        if kind not in events:
            name = "".join(f"_{c}" if c.isupper() else c for c in kind.__name__).upper()
            assert f"ERROR_CODE{name}" in codes


def test_every_zero_enum_value_is_unspecified():
    pool = symbol_database.Default().pool
    enums: list[descriptor.EnumDescriptor] = []
    for module in MODULES:
        file = pool.FindFileByName(module.DESCRIPTOR.name)
        enums.extend(file.enum_types_by_name.values())
    assert enums
    for enum in enums:
        assert enum.values_by_number[0].name.endswith("_UNSPECIFIED")


def test_stubs_import_without_torch():
    code = (
        "import sys; from retouch.v1 import catalog_pb2, edit_pb2, job_pb2; "
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
