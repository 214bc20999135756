"""What the sources may say: who opens, who encodes, who writes, who makes ``Released``.

Read from the syntax trees of every room, so that a second way out is seen before it is used.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

from retouch_daemon.front import engine_words
from retouch_safety import gate as gate_module

ROOT = Path(__file__).parents[2]
ROOMS = ("sdk/retouch", "plugins", "safety", "host_bridge", "daemon")
SAFETY = "safety/retouch_safety"
#: The module that turns what the gate has released into messages, in the gate's own process.
WIRE = "daemon/retouch_daemon/gate/answers.py"
#: The processes of the daemon, by what they may hold.
DAEMON = "daemon/retouch_daemon"
ENGINE, FRONT, GATE = f"{DAEMON}/engine/", f"{DAEMON}/front/", f"{DAEMON}/gate/"
MAKERS = ("GATE_CAPABILITY", "_unseal")
ENCODERS = {
    *("imwrite", "imwritemulti", "imencode", "imencodemulti", "imsave", "mimsave", "tobitmap"),
    *("save_image", "to_pil_image", "write_png", "write_jpeg", "encode_png", "encode_jpeg"),
}
BINARY_WRITERS = {
    f"{SAFETY}/durable_files.py": "keys, manifests, heads",
    f"{SAFETY}/audit/audit_log.py": "an export of the log",
    f"{SAFETY}/audit/torn_writes.py": "cutting an interrupted record off",
    "host_bridge/retouch_bridge/installing/photoshop.py": "the panel that ships with Retouch",
    "sdk/retouch/client/results.py": "what a daemon's gate has encoded, as it came",
    "sdk/retouch/testing/checkpoints.py": "copies of configurations, for tests",
}


@cache
def sources():
    """Every module of every room: its name from the root, and its syntax tree."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith("sdk/retouch/v1/"):
                found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def nodes():
    """Every node of every module; walked once, as each test asks all of them."""
    return {name: list(ast.walk(tree)) for name, tree in sources().items()}


def where(holds):
    """The modules in which something holds for at least one node."""
    return {name for name, found in nodes().items() if any(map(holds, found))}


def called(node):
    """The last part of the name that a call calls, else an empty text."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return getattr(function, "attr", getattr(function, "id", ""))


def names_in(node):
    """Every name that a node brings in or uses, also as text for ``getattr``."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.alias):
        return {node.name.rpartition(".")[2], node.asname}
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    return set()


def test_the_rooms_are_read():
    assert len(sources()) > 100
    assert f"{SAFETY}/gate.py" in sources()


@pytest.mark.parametrize("name", MAKERS)
def test_only_the_gate_names_the_capability(name):
    found = where(lambda node: name in names_in(node))
    allowed = {f"{SAFETY}/{file}.py" for file in ("sealed", "admission", "gate")}
    assert f"{SAFETY}/gate.py" in found and found <= allowed


@pytest.mark.parametrize("name", ["Released", "Admission"])
def test_only_the_gate_makes_what_leaves_and_what_lets_in(name):
    assert where(lambda node: called(node) == name) == {f"{SAFETY}/gate.py"}
    shells = where(
        lambda node: (
            called(node) == "__new__" and name in {n for a in node.args for n in names_in(a)}
        )
    )
    assert shells == set()


def test_nobody_sets_attributes_by_force_but_on_themselves():
    """``object.__setattr__`` is how a frozen object is made, and how one could be forged."""

    def forced(node):
        if called(node) != "__setattr__":
            return False
        return not (node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "self")

    assert where(forced) == set()


@pytest.mark.parametrize("function", sorted(ENCODERS))
def test_only_the_encoder_encodes_pictures(function):
    allowed = {f"{SAFETY}/encode.py"} if function == "imencode" else set()
    assert where(lambda node: called(node) == function) == allowed


def test_pillow_saves_in_the_encoder_and_in_memory_for_a_detector():
    def imports_pillow(node):
        return "PIL" in str(getattr(node, "module", ""))

    found = where(imports_pillow) & where(lambda node: called(node) == "save")
    in_memory = {name for name in found if name.startswith(f"{SAFETY}/detector")}
    assert found - in_memory == {f"{SAFETY}/encode.py"}
    for name in in_memory:  # a file's name cannot be given: it is a stream of bytes
        for node in nodes()[name]:
            if called(node) == "save":
                assert ast.unparse(node.args[0]) in ("encoded", "stream", "buffer")


def test_only_sealed_calls_the_encoder_and_only_the_writer_takes_its_bytes():
    def imports_encode(node):
        return (
            isinstance(node, ast.ImportFrom)
            and node.module == "retouch_safety.encode"
            and "encode" in {alias.name for alias in node.names}
        )

    assert where(imports_encode) == {f"{SAFETY}/sealed.py"}
    assert where(lambda node: called(node) == "encoded") == {f"{SAFETY}/save.py", WIRE}


def test_only_the_wire_module_makes_messages_of_results():
    """Messages that carry pictures to a client are made of what the gate has released."""
    makers = {"Result", "Preview"}
    # What a host was told, as its plugin reads it: that runs in the host, and imports nothing.
    reads = "host_bridge/retouch_bridge/plugin_kit/edit_events.py"
    assert where(lambda node: called(node) in makers) - {reads} == {WIRE}


def test_the_engines_process_has_no_name_for_anything_of_the_gates():
    """Nothing that opens and releases, or makes messages of pictures, and none of its words."""
    words = {"Gate", "Sealed", "Released", "Admission", "Admitted", "Answers", "Telling", "Runner"}
    words |= {"Result", "Preview", "JobEvent", "ImageRef", "RawLayout", "seal_preview", "BlobStore"}
    words |= {"blob", "event", "admitted", "distrusted", "encoded", "decode_preview"}
    assert {name for name in sources() if name.startswith(ENGINE)}
    for name in (each for each in nodes() if each.startswith(ENGINE)):
        found = {word for node in nodes()[name] for word in names_in(node)} & words
        assert not found, f"{name}: {found}"


def test_frames_of_the_engine_are_those_that_the_front_takes():
    """What each process can say is read from its sources; answers to calls carry no pictures."""

    def said(folder):
        return {
            ast.unparse(node.args[0].args[0]).strip("'")
            for name, found in nodes().items()
            if name.startswith(folder)
            for node in found
            if called(node) in ("send", "_answer") and called(node.args[0]) == "Frame"
        }

    answers = {"load_model", "unload_model", "models", "f'{kind}_failed"}
    assert said(ENGINE) == {"ready"} | set(engine_words._KINDS) | answers
    assert set(engine_words._KINDS) == {"loading", "progress", "look", "finished", "failed"}
    assert {"at", "admitted", "event", "blob", "distrusted"} <= said(GATE)


def test_the_front_stores_pictures_in_the_words_of_the_gate_alone():
    """What takes a picture from a worker is one method, and only the gate's frames reach it."""
    workers = f"{FRONT}workshop.py"
    (shop,) = (n for n in sources()[workers].body if getattr(n, "name", "") == "Workshop")
    methods = {n.name: ast.unparse(n) for n in shop.body if hasattr(n, "name")}
    assert [name for name, text in methods.items() if "_blobs.add" in text] == ["_keep"]
    assert [name for name, text in methods.items() if "self._keep" in text] == ["_on_gate"]
    parsing = [name for name, text in methods.items() if "JobEvent.FromString" in text]
    assert parsing == ["_on_event"]
    callers = [name for name, text in methods.items() if "self._on_event(" in text]
    assert callers == ["_on_gates_word"]
    assert [n for n, text in methods.items() if "self._on_gates_word(" in text] == ["_on_gate"]
    assert "on_frame=self._on_gate," in methods["__init__"].partition("self.engine")[0]


def writes_bytes(node):
    """Whether a call opens a file for writing bytes, or writes them at once."""
    name = called(node)
    if name == "write_bytes":
        return True
    if name not in ("open", "fdopen"):
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    modes = [one.value for one in given if isinstance(one, ast.Constant)]
    return any(isinstance(m, str) and "b" in m and set(m) & set("wxa+") for m in modes)


def test_only_the_writer_writes_picture_files():
    """Whoever else opens a file for bytes is in the list, with what it writes."""
    assert where(writes_bytes) == set(BINARY_WRITERS)


def test_whole_files_are_written_for_these_alone():
    """Who uses ``durable_files``: the one writer of pictures, and who writes none of ours."""
    found = where(lambda node: called(node) in ("write_once", "replace_whole", "write_whole"))
    allowed = {
        f"{SAFETY}/durable_files.py",
        f"{SAFETY}/receipt_key.py",
        f"{SAFETY}/tilemark/keys.py",
        f"{SAFETY}/audit/head_file.py",
        f"{SAFETY}/audit/key_file.py",
        f"{SAFETY}/audit/torn_writes.py",
        f"{SAFETY}/provenance/development_certificate.py",
        f"{SAFETY}/provenance/sidecar_store.py",
        f"{SAFETY}/export_signing.py",
        f"{SAFETY}/save.py",
        "sdk/retouch/batch/writing.py",  # what a daemon's gate released; see tests/batch
        "sdk/retouch/cli/keys.py",  # the published half
    }
    assert found <= allowed, found - allowed


def test_arrays_are_not_written_either():
    """Names of numpy, torch and others that put arrays on a disk in one call."""
    dumps = {"tofile", "savez", "savez_compressed", "savetxt", "memmap"}
    assert where(lambda node: called(node) in dumps) == set()


def test_previews_are_sealed_where_they_are_decoded():
    assert where(lambda node: called(node) == "decode_preview") == {"sdk/retouch/previews.py"}
    tree = sources()["sdk/retouch/previews.py"]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions and {ast.unparse(f.returns) for f in functions if f.returns} == {"Sealed"}
    for function in functions:
        returned = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
        assert [ast.unparse(node.value.func) for node in returned] == ["Sealed.preview"]


def test_full_pictures_are_decoded_to_choose_and_to_release_alone():
    """To choose among candidates, which stays with the engine; and of a candidate, to release."""
    found = where(lambda node: called(node) == "decode" and names_decoder(node.func))
    assert found == {
        "sdk/retouch/trajectories.py",
        "sdk/retouch/candidates.py",
        "sdk/retouch/models/model.py",  # hands on
        "sdk/retouch/models/decoder.py",  # a preview without a decoder of its own
    }
    tried = where(lambda node: called(node) == "tried" and called_on(node) == "candidate")
    assert tried == {"sdk/retouch/trajectories.py", f"{GATE}checked_edit.py"}


def names_decoder(function):
    owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    return owner.rpartition(".")[2] in ("model", "decoder") or (
        owner == "self" and function.attr == "decode"
    )


def called_on(node):
    return ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""


def test_a_release_is_asked_for_with_an_admission():
    """Both arguments, every time: there is no release that nobody admitted."""
    found = 0
    for walked in nodes().values():
        for node in walked:
            if called(node) == "release" and "gate" in ast.unparse(node.func):
                assert len(node.args) >= 2, ast.unparse(node)
                found += 1
    assert found >= 2


def test_the_order_of_the_gate():
    """Detect, mark, sign, keep the manifest, record, and only then the picture."""
    tree = sources()[f"{SAFETY}/gate.py"]
    (function,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "_release"
    )
    calls = [(node.lineno, called(node)) for node in ast.walk(function) if called(node)]
    order = ("own_copy", "_detect", "mark", "_receipt", "_signed_for", "append", "Released")
    lines = [next(line for line, name in sorted(calls) if name == wanted) for wanted in order]
    assert lines == sorted(lines)
    assert Path(gate_module.__file__).name == "gate.py"
