"""The only door to ``c2pa-python``: imported when first needed, set up the same way every time.

Thumbnails are off (they made files up to 1.6 MB larger and signing hundreds of times slower), and
nothing is ever fetched: no remote manifests, no revocation lists, no redirects.
"""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from retouch_safety.provenance.errors import ProvenanceUnavailable, SigningFailed
from retouch_safety.provenance.identity import Identity
from retouch_safety.provenance.vocabulary import ACTIONS, MARKS, RECEIPT, SOFT_BINDING

# how the library's messages begin
_NO_MANIFEST: Final = "ManifestNotFound"
_ELSEWHERE: Final = "Remote"


@dataclass(frozen=True, eq=False, repr=False)
class Ingredient:
    """A file that went into the picture.

    Attributes:
        definition: as C2PA's builder takes it (title, relationship, label, description).
        media_type: of the data; None for an ingredient of which there is only the definition.
        data: the whole file, or a bare manifest store.
    """

    definition: dict[str, Any]
    media_type: str | None = None
    data: bytes = b""


@dataclass(frozen=True, eq=False, repr=False)
class Trust:
    """Whose signatures count.

    Attributes:
        installation: roots in PEM that this installation made for itself, may be empty.
        anchors: roots in PEM that the user trusts besides, may be empty.
    """

    installation: bytes = b""
    anchors: bytes = b""


@dataclass(frozen=True, eq=False, repr=False)
class Read:
    """What the library says about a file.

    Attributes:
        store: its report, as it came; None when there is no manifest.
        problem: why the file or its manifests could not be parsed, else empty.
        elsewhere: where the file says that its manifest is, which is not looked at, else empty.
    """

    store: dict[str, Any] | None
    problem: str = ""
    elsewhere: str = ""


def library() -> Any:
    """Return the module ``c2pa``.

    Raises:
        ProvenanceUnavailable: not installed, or its native part does not load here.
    """
    try:
        return importlib.import_module("c2pa")
    except ImportError as error:
        fix = "Fix: pip install c2pa-python"
        raise ProvenanceUnavailable(f"signing needs c2pa-python, which is missing. {fix}.") from (
            error
        )
    except Exception as error:  # its native part: whatever the loader raises
        fix = "Fix: pip install --force-reinstall c2pa-python"
        raise ProvenanceUnavailable(f"c2pa-python does not load ({error}). {fix}.") from error


def sign(
    definition: dict[str, Any],
    ingredients: Sequence[Ingredient],
    data: bytes,
    media_type: str,
    identity: Identity,
    *,
    embed: bool,
) -> tuple[bytes, bytes]:
    """Sign a file.

    Args:
        definition: the manifest, as C2PA's builder takes it.
        ingredients: what went into the picture.
        data: the file, whole.
        media_type: of the file.
        identity: who signs.
        embed: write the manifest into the file; False leaves the file as it is.

    Returns:
        The file, and the manifest store alone.

    Raises:
        SigningFailed: the library refused.
        ProvenanceUnavailable: no library.
    """
    c2pa = library()
    try:
        info = c2pa.C2paSignerInfo(identity.algorithm, identity.chain, identity.key, None)
        signer = c2pa.Signer.from_info(info)
        with signer, _settings(c2pa, Trust()) as settings:
            builder = c2pa.Builder(_with_bare(definition, ingredients), context=settings)
            if not embed:
                builder.set_no_embed()
            for ingredient in ingredients:
                if ingredient.media_type is not None:
                    stream = io.BytesIO(ingredient.data)
                    builder.add_ingredient(ingredient.definition, ingredient.media_type, stream)
            signed = io.BytesIO()
            manifest: bytes = builder.sign(signer, media_type, io.BytesIO(data), signed)
    except c2pa.C2paError as error:
        raise SigningFailed(f"the manifest could not be made: {error}") from error
    return (signed.getvalue() if embed else data), manifest


def read(data: bytes, media_type: str, trust: Trust, manifest: bytes | None = None) -> Read:
    """Read and check a file's manifests.

    Args:
        data: the file, whole.
        media_type: of the file.
        trust: whose signatures count.
        manifest: a manifest store that is not in the file, else None.

    Raises:
        ProvenanceUnavailable: no library.
    """
    c2pa = library()
    try:
        with (
            _settings(c2pa, trust) as settings,
            c2pa.Reader(media_type, io.BytesIO(data), manifest, settings) as reader,
        ):
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        if str(error).startswith(_NO_MANIFEST):
            return Read(None)
        if str(error).startswith(_ELSEWHERE):
            return Read(None, elsewhere=str(error))
        return Read(None, str(error))
    except (ValueError, RecursionError) as error:  # its report is not JSON that can be read
        return Read(None, f"the report cannot be read: {error}")
    return Read(store) if isinstance(store, dict) else Read(None, "the report is not an object")


def _with_bare(definition: dict[str, Any], ingredients: Sequence[Ingredient]) -> dict[str, Any]:
    bare = [i.definition for i in ingredients if i.media_type is None]
    return {**definition, "ingredients": bare}


def _settings(c2pa: Any, trust: Trust) -> Any:
    chosen: dict[str, Any] = {
        "version": 1,
        "core": {"allowed_network_hosts": []},
        "verify": {
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
            "verify_trust": True,
            "verify_after_sign": True,
        },
        "builder": {
            "thumbnail": {"enabled": False},
            # these are our own statements; all others were found in what we were given
            "created_assertion_labels": [ACTIONS.rsplit(".", 1)[0], SOFT_BINDING, RECEIPT, MARKS],
        },
        "trust": {},
    }
    if trust.installation:
        chosen["trust"]["user_anchors"] = trust.installation.decode("ascii")
    if trust.anchors:
        chosen["trust"]["trust_anchors"] = trust.anchors.decode("ascii")
    return c2pa.Context.from_dict(chosen)
