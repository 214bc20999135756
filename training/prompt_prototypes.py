"""Encode the prompt filter's prototypes, so that no gate has to do it when it starts.

    python -m training.prompt_prototypes    # writes the package's file

To be run after a change of ``data/prototypes`` or of a profile's ``accepted`` sentences.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from retouch_safety.prompts import SentenceEncoder, prototype_vectors
from retouch_safety.prompts.margin import all_prototypes


def main() -> None:
    sentences = all_prototypes()
    vectors = SentenceEncoder().encode(sentences)
    texts = np.frombuffer(prototype_vectors.belongs_to(sentences), np.uint8)
    path = Path(prototype_vectors.__file__).parent / "data" / prototype_vectors.FILE
    save_file({"vectors": np.ascontiguousarray(vectors), "texts": texts}, path)
    print(f"{len(sentences)} sentences, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
