"""The JavaScript kit runs in UXP: it uses nothing that is not there, and no package."""

import re

import pytest
from asking_node import KIT

#: What UXP lacks (hosts.md, section 3), and what no kit needs.
FORBIDDEN = (
    *("TextDecoder", "TextEncoder", "EventSource", "Worker", "SharedArrayBuffer", "subtle"),
    *("indexedDB", "BroadcastChannel", "createImageBitmap", "OffscreenCanvas", "AbortController"),
    *("structuredClone", "getReader", "localStorage", "document", "window", "process", "require"),
)


@pytest.mark.parametrize("file", sorted(KIT.glob("*.js")), ids=lambda file: file.name)
def test_a_module_uses_nothing_that_uxp_lacks(file):
    source = file.read_text("utf-8")
    code = re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"|`[^`]*`", "", source, flags=re.S)
    used = set(re.findall(r"(?<![.\w])[A-Za-z]\w*", code)) | set(re.findall(r"\.(\w+)", code))
    assert used.isdisjoint(FORBIDDEN), used & set(FORBIDDEN)
    for imported in re.findall(r"from \"([^\"]+)\"", source):
        assert imported.startswith("./") and (KIT / imported).exists()
    assert len(source.splitlines()) <= 300
