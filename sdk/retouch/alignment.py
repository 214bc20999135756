"""Which attention keys two prompts share: words, tokens, and the way from one to the other.

Cross-attention has one key per token of the text encoder's windows. A prompt's tokens fill the
windows from the front; every window begins with a start token and its content is followed by an
end token and padding. Everything here is a pure function of prompts and a tokenizer, for any
tokenizer that reads from left to right, however many tokens it makes of a word.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

#: For every key of the target prompt, the source keys it takes its attention from, with their
#: shares; empty where the target keeps its own.
Alignment: TypeAlias = "tuple[dict[int, float], ...]"
#: Token ids of a text, without start and end.
Tokenize: TypeAlias = "Callable[[str], Sequence[int]]"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a prompt, as separated by spaces.

    Attributes:
        text: as written.
        keys: positions of its tokens among the attention keys.
    """

    text: str
    keys: tuple[int, ...]

    @property
    def plain(self) -> str:
        """Without punctuation around it, in lower case."""
        return self.text.strip(string.punctuation).lower() or self.text.lower()


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt as the text encoder reads it.

    Attributes:
        tokens: ids without start, end and padding.
        words: its words in order.
        window: tokens of one window of the text encoder, with its start and end.
    """

    tokens: tuple[int, ...]
    words: tuple[Word, ...]
    window: int

    @property
    def windows(self) -> int:
        """Windows it needs."""
        return max(1, -(-len(self.tokens) // (self.window - 2)))

    def find(self, word: str) -> tuple[Word, ...]:
        """All occurrences of a word, whatever its case and the punctuation around it."""
        wanted = Word(word.strip(), ()).plain
        return tuple(known for known in self.words if known.plain == wanted)

    def end(self, window: int) -> int:
        """Position of a window's end token, counted from the window's start."""
        inner = self.window - 2
        return 1 + min(max(len(self.tokens) - window * inner, 0), inner)


def read_prompt(prompt: str, tokenize: Tokenize, window: int) -> PromptTokens:
    """Read a prompt's words and where their tokens are.

    A word's tokens are those that the prompt gains by it, so that byte-pair merges, punctuation
    and whatever else a tokenizer does within the words need not be known.

    Args:
        prompt: any text.
        tokenize: token ids of a text, without start and end.
        window: tokens of one window of the text encoder, with its start and end.
    """
    parts = prompt.split()
    tokens = tuple(tokenize(" ".join(parts)))
    words, begin = [], 0
    for count, part in enumerate(parts, start=1):
        stop = len(tokens) if count == len(parts) else len(tokenize(" ".join(parts[:count])))
        stop = min(max(stop, begin), len(tokens))
        words.append(Word(part, tuple(key_of(i, window) for i in range(begin, stop))))
        begin = stop
    return PromptTokens(tokens, tuple(words), window)


def key_of(token: int, window: int) -> int:
    """Attention key of a prompt's token, past the start and end tokens of the windows."""
    inner = window - 2
    return token // inner * window + 1 + token % inner


def align_words(source: PromptTokens, target: PromptTokens, windows: int) -> Alignment:
    """Word by word: a swapped word takes over the whole attention of the word it replaces.

    Words of equally many tokens hand their attention over token by token. Otherwise every new
    token takes the same share of all old ones (Hertz et al. 2022, section 4, "word swap"). Words
    behind a swapped one keep their own map even where the token counts differ; the published code
    shifts them by the difference.

    Raises:
        ValueError: the prompts have different numbers of words.
    """
    if len(source.words) != len(target.words):
        raise ValueError("the prompts have different numbers of words")
    aligned = _align_frames(source, target, windows)
    for old, new in zip(source.words, target.words, strict=True):
        if len(old.keys) == len(new.keys):
            for old_key, key in zip(old.keys, new.keys, strict=True):
                aligned[key] = {old_key: 1.0}
        else:
            for key in new.keys:
                aligned[key] = dict.fromkeys(old.keys, 1.0 / len(new.keys))
    return tuple(aligned)


def align_tokens(source: PromptTokens, target: PromptTokens, windows: int) -> Alignment:
    """Token by token: what both prompts have is shared, what is new keeps its own attention.

    The longest common subsequence (Hertz et al. 2022, section 4, "adding a new phrase").
    """
    aligned = _align_frames(source, target, windows)
    for token, old in enumerate(_common(source.tokens, target.tokens)):
        shares = {} if old is None else {key_of(old, source.window): 1.0}
        aligned[key_of(token, target.window)] = shares
    return tuple(aligned)


def align_positions(window: int, windows: int) -> Alignment:
    """Every key to itself: the same prompt."""
    return tuple({key: 1.0} for key in range(window * windows))


def _align_frames(
    source: PromptTokens, target: PromptTokens, windows: int
) -> list[dict[int, float]]:
    """Start to start, end to end, padding to padding; content is left to itself."""
    length = target.window
    aligned = [{key: 1.0} for key in range(length * windows)]
    for window in range(windows):
        begin, old_end, end = window * length, source.end(window), target.end(window)
        aligned[begin + end] = {begin + old_end: 1.0}
        # Padding takes the same position's attention where that is padding too.
        for place in range(end + 1, length):
            old = min(max(place, old_end + 1), length - 1)
            aligned[begin + place] = {begin + old: 1.0}
    return aligned


def _common(source: Sequence[int], target: Sequence[int]) -> list[int | None]:
    """For every item of ``target`` the index of its partner in ``source``, or None.

    Needleman-Wunsch with match 1, mismatch -1 and free gaps. Where several alignments are equally
    good, the earliest partners win, as in the published code.
    """
    best = [[0] * (len(target) + 1) for _ in range(len(source) + 1)]
    for i, old in enumerate(source, start=1):
        for j, new in enumerate(target, start=1):
            match = best[i - 1][j - 1] + (1 if old == new else -1)
            best[i][j] = max(best[i][j - 1], best[i - 1][j], match)
    partners: list[int | None] = [None] * len(target)
    i, j = len(source), len(target)
    while i > 0 and j > 0:
        if best[i][j] == best[i][j - 1]:
            j -= 1
        elif best[i][j] == best[i - 1][j]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            partners[j] = i
    return partners
