"""The CLIP vocabulary, and the part of it that the embedded model learns.

``python -m training.tokenizer`` fetches the 49,408 byte-pair tokens of CLIP (MIT, from PyPI's
``open_clip_torch``) and writes ``vocab.json`` and ``merges.txt``, which every Stable Diffusion
loader reads. Captions and instructions use about 500 of these tokens. Training keeps an embedding
for each of them and ONE for all others, so a word it has never seen reads as "some word" and not as
noise; ``training.export`` writes the full table.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from transformers import CLIPTokenizer

from retouch.evaluation.scenes.captions import vary
from retouch.evaluation.scenes.edits import sample_edit
from retouch.evaluation.scenes.layouts import sample
from retouch.evaluation.scenes.vocabulary import COLOURS, NOUNS, SYNONYMS, plural
from training.art import cache_dir

PACKAGE: Final = "open_clip_torch==3.3.0"
MEMBER: Final = "open_clip/bpe_simple_vocab_16e6.txt.gz"
POSITIONS: Final = 77
MERGES: Final = 48_894
START: Final = "<|startoftext|>"
END: Final = "<|endoftext|>"


def _byte_symbols() -> list[str]:
    """Return the 256 printable stand-ins for bytes of GPT-2's and CLIP's byte-level BPE."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    return [chr(b) for b in kept] + [chr(256 + n) for n in range(len(others))]


def fetch_merges(folder: Path) -> list[str]:
    """Return CLIP's merges in order, downloading the package once into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    pattern = "open_clip_torch-*.whl"
    if not list(folder.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", PACKAGE]
        subprocess.run([*command, "-d", str(folder)], check=True)
    with zipfile.ZipFile(next(folder.glob(pattern))) as wheel:
        lines = gzip.decompress(wheel.read(MEMBER)).decode("utf-8").split("\n")
    return lines[1 : 1 + MERGES]


def build(out: Path) -> None:
    """Write the tokenizer's files and the list of known tokens into ``out/tokenizer``."""
    folder = out / "tokenizer"
    folder.mkdir(parents=True, exist_ok=True)
    merges = fetch_merges(out)
    symbols = _byte_symbols()
    joined = [merge.replace(" ", "") for merge in merges]
    tokens = [*symbols, *(s + "</w>" for s in symbols), *joined, START, END]
    vocab = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": POSITIONS,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
        **special,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    (folder / "known.json").write_text(json.dumps(_known(tokenizer)))


def _known(tokenizer: CLIPTokenizer) -> list[int]:
    """Return the sorted tokens of 15,000 sampled captions and instructions and of every word."""
    rng = np.random.default_rng(1)
    names = [*NOUNS, *map(plural, NOUNS), *COLOURS, *(w for s in SYNONYMS.values() for w in s)]
    names += [word + "s" for others in SYNONYMS.values() for word in others]
    texts = [*names, " ".join(names[:20])]
    for _ in range(5_000):
        edit, scene = sample_edit(rng), sample(rng)
        texts += [vary(scene, rng), vary(edit.after, rng), edit.instruction]
    ids = {token for row in tokenizer(texts)["input_ids"] for token in row}
    return sorted(ids)


@dataclass(frozen=True)
class Words:
    """The tokenizer and the tokens that training knows.

    Attributes:
        tokenizer: CLIP's; 77 positions.
        known: sorted CLIP ids; compact id ``i + 1`` stands for ``known[i]``, 0 for all others.
    """

    tokenizer: CLIPTokenizer
    known: NDArray[np.int64]

    @cached_property
    def compact(self) -> NDArray[np.int64]:
        """The compact id of each of the 49,408 CLIP ids, 0 for an unknown one."""
        table = np.zeros(len(self.tokenizer), np.int64)
        table[self.known] = 1 + np.arange(len(self.known))
        return table

    @cached_property
    def strangers(self) -> list[str]:
        """Whole English-looking words outside the known tokens."""
        vocab: dict[str, int] = self.tokenizer.get_vocab()
        known = set(self.known.tolist())
        whole = [t[:-4] for t, i in vocab.items() if t.endswith("</w>") and i not in known]
        return sorted(word for word in whole if word.isascii() and word.isalpha())

    @property
    def size(self) -> int:
        """Rows of the compact embedding table."""
        return len(self.known) + 1

    @property
    def end(self) -> int:
        """Compact id of the end token, which also pads."""
        return int(self.compact[self.tokenizer.eos_token_id])

    def pieces(self, word: str) -> list[int]:
        """Return the compact ids of a word without start and end."""
        ids = self.tokenizer(word)["input_ids"][1:-1]
        return [int(self.compact[i]) for i in ids]

    def encode(self, texts: list[str]) -> NDArray[np.int64]:
        """Return (N, 77) compact ids, padded with the end token."""
        ids = self.tokenizer(texts, padding="max_length", max_length=POSITIONS, truncation=True)
        return self.compact[np.asarray(ids["input_ids"], np.int64)]


def load(out: Path) -> Words:
    """Return the words of the cache folder, building them when missing."""
    folder = out / "tokenizer"
    if not (folder / "known.json").exists():
        build(out)
    known = np.array(json.loads((folder / "known.json").read_text()), np.int64)
    return Words(CLIPTokenizer.from_pretrained(folder), known)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    out = parser.parse_args().out
    build(out)
    words = load(out)
    print(f"{len(words.tokenizer)} tokens, {len(words.known)} known")
    print(words.tokenizer("a photo of a cat")["input_ids"])


if __name__ == "__main__":
    main()
