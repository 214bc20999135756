"""Random messages of any descriptor: values that are nearly right, and wild ones."""

from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct
from hypothesis import strategies as st

from retouch.v1 import operation_pb2

NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.sampled_from(
    [-1.0, 2.5, 50.0, 4096.0, 1e300, -0.0, 5e-324, float("nan"), float("inf"), float("-inf")]
) | st.floats()  # fmt: skip
COUNTS = st.integers(0, 8) | st.sampled_from([16, 17, 64, 255, 65_536, 2**31, 2**32 - 1])
WHOLE = st.integers(-4, 8) | st.sampled_from([-(2**31), 2**31 - 1, 1 << 20])
LARGE = st.integers(0, 3) | st.sampled_from([2**63 - 1, 2**63, 2**64 - 1])
SIGNED = st.integers(-2, 3) | st.sampled_from([-(2**63), 2**63 - 1])
TEXTS = st.sampled_from(
    ["", "a red cat", "cat", "x" * 2000, "x" * 2001, "y" * 70_000, "\x00", "\u202etac", "📷" * 40,
     "../../etc/passwd", "%s%n{0}", "a\nb\rc", "0", "naked child"]
) | st.text(max_size=12)  # fmt: skip
_NUMBERS_OF = {
    FieldDescriptor.CPPTYPE_DOUBLE: NUMBERS,
    FieldDescriptor.CPPTYPE_FLOAT: NUMBERS,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_UINT32: COUNTS,
    FieldDescriptor.CPPTYPE_UINT64: LARGE,
    FieldDescriptor.CPPTYPE_INT32: WHOLE,
    FieldDescriptor.CPPTYPE_INT64: SIGNED,
}
_WORDS = {
    "sampler": ["ddim", "euler", "lcm", "dpmpp_2m", "no such sampler"],
    "model": ["retouch-mini", "", "no/such", "retouch-mini-t2i-canny"],
    "media_type": ["", "image/png", "image/jpeg", "image/tiff", "application/octet-stream"],
    "name": ["srgb", "guidance", "sdedit", "soft_mask", "best_of", "no_such_operation"],
    "record": ["00000000", "deadbeef", "DEADBEEF", "1"],
    "type_url": ["type.googleapis.com/retouch.v1.CustomOperation", "type.googleapis.com/x", "/"],
}


@dataclass(frozen=True)
class Known:
    """What a daemon knows, so that random messages can name it.

    Attributes:
        digests: of blobs that are stored, good and bad pictures.
        jobs: names of jobs.
    """

    digests: list[str]
    jobs: list[str] = field(default_factory=list)

    def strings(self, name):
        """Strings of a field of this name."""
        if name in ("sha256", "icc_sha256"):
            wrong = ["0" * 64, "f" * 63, "G" * 64, "", "../x", self.digests[0].upper()]
            return st.sampled_from(self.digests * 3 + wrong)
        if name in ("job_id", "job_ids"):
            return st.sampled_from([*self.jobs, "", "0" * 32, "x"])
        words = st.sampled_from(_WORDS[name]) if name in _WORDS else TEXTS
        return words | TEXTS


def message_of(draw, descriptor, known, depth=0, usual=None):
    """A random message; ``usual`` is a probability in tenths that a field is set at all."""
    made = GetMessageClass(descriptor)()
    if isinstance(made, Struct):
        made.update(draw(st.dictionaries(TEXTS, _JSON, max_size=3)))
        return made
    if isinstance(made, Any):
        return _any(draw, known, depth)
    fields = list(descriptor.fields)
    count = draw(st.integers(0, min(len(fields), 5)))
    chosen = draw(st.permutations(fields))[:count]
    for each in chosen:
        if depth < 5 or each.message_type is None:
            set_randomly(draw, made, each, known, depth)
    return made


_JSON = st.none() | st.booleans() | NUMBERS | TEXTS | st.lists(NUMBERS | TEXTS, max_size=3)


def set_randomly(draw, message, descriptor, known, depth=0):
    """Give one field of a message a random value, or several where it is repeated."""
    name, kind = descriptor.name, descriptor.message_type
    if kind is not None and kind.GetOptions().map_entry:
        value = kind.fields_by_name["value"]
        for key in draw(st.lists(TEXTS, max_size=2, unique=True)):
            if value.message_type is None:
                getattr(message, name)[key] = draw(_scalar(value, known))
            else:
                made = message_of(draw, value.message_type, known, depth + 1)
                getattr(message, name)[key].CopyFrom(made)
    elif descriptor.is_repeated:
        for _ in range(draw(st.sampled_from([1, 1, 2, 3, 40]) if depth else st.integers(1, 3))):
            if kind is None:
                getattr(message, name).append(draw(_scalar(descriptor, known)))
            else:
                getattr(message, name).append(message_of(draw, kind, known, depth + 1))
    elif kind is None:
        setattr(message, name, draw(_scalar(descriptor, known)))
    else:
        getattr(message, name).CopyFrom(message_of(draw, kind, known, depth + 1))


def _any(draw, known, depth):
    packed = Any()
    if draw(st.booleans()):
        custom = operation_pb2.CustomOperation.DESCRIPTOR
        packed.Pack(message_of(draw, custom, known, depth + 1))
    else:
        packed.type_url = draw(st.sampled_from(_WORDS["type_url"]))
        packed.value = draw(st.binary(max_size=12))
    return packed


def _scalar(descriptor, known):
    if descriptor.enum_type is not None:
        usual = [value.number for value in descriptor.enum_type.values]
        return st.sampled_from([*usual * 3, max(usual) + 1, -1])
    if descriptor.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=64) | st.just(b"\x00" * 70_000)
    if descriptor.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return known.strings(descriptor.name)
    return _NUMBERS_OF[descriptor.cpp_type]


def spoiled(draw, message, known):
    """A copy of a message with one to three of its fields, at any depth, set to something else."""
    copy = type(message)()
    copy.CopyFrom(message)
    for _ in range(draw(st.integers(1, 3))):
        _spoil(draw, copy, known)
    return copy


def _spoil(draw, message, known):
    part = message
    while True:
        inside = [
            value
            for descriptor, values in part.ListFields()
            if descriptor.message_type is not None
            and not descriptor.message_type.GetOptions().map_entry
            for value in (values if descriptor.is_repeated else (values,))
        ]
        if not inside or draw(st.integers(0, 3)) == 0:
            break
        part = draw(st.sampled_from(inside))
    if isinstance(part, Struct | Any) or not part.DESCRIPTOR.fields:
        return
    chosen = draw(st.sampled_from(list(part.DESCRIPTOR.fields)))
    if draw(st.integers(0, 3)) == 0:
        part.ClearField(chosen.name)
    else:
        set_randomly(draw, part, chosen, known, depth=2)
