"""Train the CLIP byte-pair tokenizer: ``python -m training.tokenizer``.

Merges are learned until every word of the captions and instructions is one token; any other text
still encodes, byte by byte. Written as ``vocab.json`` and ``merges.txt`` (plus the configuration),
the files that every Stable Diffusion loader reads.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from transformers import CLIPTokenizer

from training.data import cache_dir
from training.edits import sample_edit
from training.scenes import vary

POSITIONS: Final = 77
START: Final = "<|startoftext|>"
END: Final = "<|endoftext|>"


def _byte_symbols() -> list[str]:
    """Return the 256 printable stand-ins for bytes of GPT-2's and CLIP's byte-level BPE."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    return [chr(b) for b in kept] + [chr(256 + n) for n in range(len(others))]


def words() -> Counter[str]:
    """Return the words of 20,000 sampled captions and instructions with their counts."""
    rng = np.random.default_rng(1)
    counts: Counter[str] = Counter()
    for _ in range(10_000):
        edit = sample_edit(rng)
        counts.update(vary(edit.before.caption(), edit.before, rng).replace(",", " ,").split())
        counts.update(edit.instruction.split())
    return counts


def learn_merges(counts: Counter[str]) -> list[tuple[str, str]]:
    """Return the merges, in order, that make every word one token."""
    pieces = {word: [*word[:-1], word[-1] + "</w>"] for word in sorted(counts)}
    merges: list[tuple[str, str]] = []
    while True:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, parts in pieces.items():
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
        if not pairs:
            return merges
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for parts in pieces.values():
            i = 0
            while i < len(parts) - 1:
                if (parts[i], parts[i + 1]) == best:
                    parts[i : i + 2] = ["".join(best)]
                i += 1


def build(folder: Path) -> None:
    """Learn the merges and write the tokenizer's files into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(words())
    symbols = _byte_symbols()
    tokens = [*symbols, *(s + "</w>" for s in symbols), *("".join(m) for m in merges), START, END]
    vocab = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
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


def load(out: Path) -> CLIPTokenizer:
    """Return the tokenizer of the cache folder, building it when missing."""
    folder = out / "tokenizer"
    if not (folder / "merges.txt").exists():
        build(folder)
    return CLIPTokenizer.from_pretrained(folder)


def encode(tokenizer: CLIPTokenizer, texts: list[str]) -> NDArray[np.int16]:
    """Return (N, 77) int16 token ids, padded with the end token."""
    ids = tokenizer(texts, padding="max_length", max_length=POSITIONS, truncation=True)
    return np.asarray(ids["input_ids"], np.int16)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    folder = parser.parse_args().out / "tokenizer"
    build(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    print(f"{len(tokenizer)} tokens; {tokenizer.tokenize('a red cat on a meadow, at night')}")


if __name__ == "__main__":
    main()
