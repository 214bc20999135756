"""The example of docs/hosts/another-host.md, run as it stands with the real daemon."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs/hosts/another-host.md"


def test_the_example_runs(bridged, tmp_path, monkeypatch):
    (tmp_path / "daemon").symlink_to(bridged.folder)
    monkeypatch.setenv("RETOUCH_HOME", str(tmp_path))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    (layer,) = names["layers"]
    assert names["task"].state == "done"
    assert layer.bounds == names["crop"]
    assert (layer.picture.channel_order, layer.picture.sample_type) == ("BGRA", "UINT16")
    assert set(layer.mask) == {0, 255}
