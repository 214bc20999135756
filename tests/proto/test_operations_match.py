"""Every built-in operation and its message say the same: names, ranges, defaults, choices."""

import re
import typing
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from retouch.parameters import optional_base, parameters_of
from retouch.v1 import operation_pb2

PROTO = Path(__file__).resolve().parents[2] / "proto/retouch/v1/operation.proto"
TECHNIQUES = operation_pb2.Operation.DESCRIPTOR.oneofs_by_name["technique"].fields
BUILT_IN = [field.name for field in TECHNIQUES if field.name != "custom"]
#: What travels on Operation itself, for all techniques that take it, by parameter name.
ENVELOPE = {"start", "stop", "mask"}
NUMBER = r"-?\d+(?:\.\d+)?"


def operation(name):
    (entry,) = entry_points(group="retouch.operations", name=name)
    return entry.load()


def comments(message):
    """Comment of every field of a message, by name."""
    text = PROTO.read_text(encoding="utf-8")
    body = re.search(rf"^message {message} \{{\n(.*?)^\}}", text, re.M | re.S)[1]
    found, lines = {}, []
    for line in body.splitlines():
        if line.strip().startswith("//"):
            lines.append(line.strip()[2:].strip())
        elif named := re.search(r"(\w+) = \d+;", line):
            found[named[1]], lines = " ".join(lines), []
    return found


@pytest.mark.parametrize("name", BUILT_IN)
def test_names_are_the_same(name):
    message = operation_pb2.Operation.DESCRIPTOR.fields_by_name[name].message_type
    own = {known.name for known in parameters_of(operation(name))} - ENVELOPE
    assert own == {field.name for field in message.fields}


@pytest.mark.parametrize("name", BUILT_IN)
def test_ranges_and_defaults_are_the_same(name):
    message = operation_pb2.Operation.DESCRIPTOR.fields_by_name[name].message_type
    said = comments(message.name)
    for known in parameters_of(operation(name)):
        if known.name in ENVELOPE or known.choices:
            continue
        comment = said[known.name]
        if typing.get_origin(optional_base(known.type)) is None and known.low is not None:
            low, high = re.search(rf"Range ({NUMBER}) to ({NUMBER})", comment).groups()
            assert (float(low), float(high)) == (known.low, known.high), (known.name, comment)
        if isinstance(known.default, bool):
            assert f"Default {str(known.default).lower()}" in comment
        elif isinstance(known.default, int | float):
            default = re.search(rf"default ({NUMBER})", comment, re.I)[1]
            assert float(default) == known.default, (known.name, comment)


@pytest.mark.parametrize("name", BUILT_IN)
def test_choices_are_the_same(name):
    message = operation_pb2.Operation.DESCRIPTOR.fields_by_name[name].message_type
    for known in parameters_of(operation(name)):
        if known.choices:
            kind = message.fields_by_name[known.name].enum_type
            prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
            words = {value.name.removeprefix(prefix).lower() for value in kind.values[1:]}
            assert words == set(known.choices)
