"""Nothing of ours writes pictures but the gate's own writer."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITERS = re.compile(
    r"imwrite|imencode|\.tobitmap|Image\.save|\.save\(|save_image|to_pil|imsave|mimsave"
)
ALLOWED = {
    "safety/retouch_safety/encode.py",
    "safety/retouch_safety/detectors/open_nsfw_preprocessing.py",  # to memory
    "sdk/retouch/cli/remote_edit.py",  # files as a daemon's gate has encoded them
}


def test_only_the_gates_encoder_encodes_pictures():
    found = {}
    for room in ("sdk/retouch", "plugins", "safety", "host_bridge", "daemon"):
        for path in (ROOT / room).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            lines = [line for line in path.read_text("utf-8").splitlines() if WRITERS.search(line)]
            if lines and name not in ALLOWED:
                found[name] = lines
    assert found == {}


def test_the_pattern_sees_a_writer():
    assert WRITERS.search('cv2.imwrite("a.png", x)')
    assert (ROOT / "safety/retouch_safety/encode.py").read_text("utf-8").count("save(") > 0
