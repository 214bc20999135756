"""Puts the same questions to both kits."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

KIT = Path(__file__).resolve().parents[3] / "host_bridge/javascript_kit"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node absent: install node 20 or newer")

RECIPE = {
    "recipe": 1,
    "prompt": "a dog",
    "negative_prompt": "rain",
    "seed": 7,
    "steps": 9,
    "feather": 4,
    "variants": 3,
    "working_size": [128, 96],
    "operations": [
        {"sdedit": {"strength": 0.5, "start": 0.25}},
        {"ip_adapter": {"images": [{"sha256": "0" * 64}], "weights": [1, 0.5]}},
        {"prompt_to_prompt": {"source_prompt": "a cat", "words": {"dog": 1.5}}},
    ],
}


def ask(questions):
    """Put questions to the JavaScript kit; return its answers."""
    asked = subprocess.run(
        [NODE, str(Path(__file__).with_name("twins.mjs")), str(KIT)],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


def plain(value):
    """As JSON has it: tuples are lists."""
    return json.loads(json.dumps(value))


def said(do):
    try:
        return do()
    except ValueError as problem:
        return {"wrong": str(problem)}


def agree(pairs):
    """Compare [function of the twin, its arguments] with what Python answers."""
    answers = ask([question for question, _ in pairs])
    for (question, ours), theirs in zip(pairs, answers, strict=True):
        assert theirs == plain(ours), question


def text(data):
    return base64.b64encode(data).decode()
