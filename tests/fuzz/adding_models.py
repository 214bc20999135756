"""Adds broken variants of a model, one after the other, and says what came of each.

``python adding_models.py MODEL COUNT``: the last line of its output has the counts.
"""

import json
import os
import random
import struct
import sys
from collections import Counter
from pathlib import Path


def broken(data, drawn):
    """A safetensors file with another header, other bytes, or neither right."""
    (size,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    kind = drawn.randrange(8)
    if kind == 0:
        return data[: drawn.randrange(len(data))]
    if kind == 1:
        huge = drawn.choice((0, 1, size - 1, size + 1, 2**31, 2**63, 2**64 - 1))
        return struct.pack("<Q", huge) + data[8:]
    if kind == 2:
        changed = bytearray(data)
        for _ in range(drawn.choice((1, 8))):
            changed[drawn.randrange(8 + size)] ^= 1 << drawn.randrange(8)
        return bytes(changed)
    if kind == 3:
        return struct.pack("<Q", 100_000) + b"[" * 100_000 + body
    if kind == 4:
        floats = bytearray(body)
        for start in range(0, len(floats) - 4, 4):
            floats[start : start + 4] = struct.pack("<f", drawn.choice((float("nan"), 1e38)))
        body = bytes(floats)
    else:
        for _ in range(drawn.choice((1, 3))):
            _lie(header, drawn)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _lie(header, drawn):
    name = drawn.choice([each for each in header if each != "__metadata__"])
    tensor = header[name] if isinstance(header[name], dict) else {}
    choice = drawn.randrange(7)
    if choice == 0:
        tensor["dtype"] = drawn.choice(("F64", "I8", "BOOL", "U8", "X", "", 7, None))
    elif choice == 1:
        tensor["shape"] = drawn.choice(([], [0], [2**40, 2**40], [-1, 4], ["a"], 3, [1] * 99))
    elif choice == 2:
        tensor["data_offsets"] = drawn.choice(([0, 0], [4, 0], [-4, 4], [0, 2**63], [0], "x"))
    elif choice == 3:
        del header[name]
    elif choice == 4:
        header[drawn.choice(("../x", "a" * 10_000, "\0", name + ".extra"))] = header.pop(name)
    elif choice == 5:
        header[name] = drawn.choice((None, [], "x", {}, 3))
    else:
        header["__metadata__"] = drawn.choice(({"a": 1}, [], "x", {"x" * 9: "y" * 99_999}))


def main(model, count):
    """Try all; raise where something else than an error of ours comes."""
    os.environ["RETOUCH_HOME"] = str(model.parent / "home")
    from retouch.errors import InvalidField, ModelError
    from retouch.models.store import add, remove

    counts, data = Counter(), model.read_bytes()
    file = model.with_name("broken.safetensors")  # beside its image encoder
    for number in range(count):
        file.write_bytes(broken(data, random.Random(number)))
        print(f"file {number}", flush=True)
        try:
            add(file, f"model-{number}")
        except (ModelError, InvalidField) as problem:
            assert "Fix:" in str(problem), str(problem)
            counts[type(problem).__name__] += 1
        else:
            counts["added"] += 1
            remove(f"model-{number}")
    print(json.dumps(counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
