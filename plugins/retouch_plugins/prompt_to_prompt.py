"""Prompt-to-Prompt: change words of a prompt and keep the picture it gives, or a real picture.

Hertz et al. 2022 (arXiv 2208.01626), algorithm 1. Two lanes start from the same noise: lane 0
follows the source prompt, lane 1 the target. With M and M* the attention probabilities of source
and target, the target uses, inside a window of progress,

    replace     M A                      A hands every old word's map to the new word
    refine      M A + M* (1 - shared)    tokens that are new keep their own map
    reweight    c * (either of these)    c_j is the weight of word j

in every cross-attention layer, and the source's self-attention in the coarse layers. LocalBlend
(section 4, and the authors' code) goes on from ``x_src + mask (x - x_src)`` after each step; the
mask is where the words' maps, summed over the steps, exceed a threshold.

A real picture is inverted with the source prompt (``retouch.inversion``), and after every step the
source lane is set back to the states found: with ``o = z_src - x_src``, ``x_src <- x_src + o``
(direct inversion, Ju et al. 2023, arXiv 2310.01506, algorithm 1). The same ``o`` is added to the
target, so that what guidance does to both lanes alike cancels out and only the difference of the
prompts remains (as in Xu et al. 2023, arXiv 2312.04965, eq. 9): equal prompts give back the
picture exactly, up to the autoencoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn

from retouch.alignment import (
    PromptTokens,
    Word,
    align_positions,
    align_tokens,
    align_words,
    read_prompt,
)
from retouch.errors import CannotCombine, InvalidField
from retouch.inversion import invert_once, without_picture
from retouch.operation import Operation, Stage, in_window
from retouch.parameters import parameter, read_map

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.alignment import Alignment
    from retouch.denoiser import AttentionPlace, Condition, FlowOf, NoiseLevel
    from retouch.edit import Edit
    from retouch.plan import Plan

SOURCE, TARGET = 0, 1
#: The grid on which the paper's networks place objects; its maps are the most meaningful ones.
GRID = 16


@dataclass(frozen=True, kw_only=True)
class PromptToPrompt(Operation):
    """Swap, add or weigh words of a description and keep everything else in the picture."""

    name: ClassVar[str] = "prompt_to_prompt"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "Change words of the picture's description, keep its composition"
    source: ClassVar[str] = "Hertz et al. 2022 (arXiv 2208.01626), algorithm 1"

    source_prompt: str = parameter("", "Describes the picture before the change; required.")
    mode: Literal["auto", "replace", "refine", "reweight"] = parameter(
        "auto",
        "Swap words (replace), add words (refine) or only weigh them (reweight); auto swaps where "
        "both prompts have equally many words and adds otherwise.",
    )
    cross_start: float = parameter(
        0.0, "Keep the words' places from here on.", low=0.0, high=1.0, unit="fraction of progress"
    )
    cross_stop: float = parameter(
        0.8, "Keep the words' places until here.", low=0.0, high=1.0, unit="fraction of progress"
    )
    self_start: float = parameter(
        0.0, "Keep the layout from here on.", low=0.0, high=1.0, unit="fraction of progress"
    )
    self_stop: float = parameter(
        0.4, "Keep the layout until here.", low=0.0, high=1.0, unit="fraction of progress"
    )
    words: Mapping[str, float] | None = parameter(
        None,
        "Weight of words of the new prompt, as in red:2;cat:0.5; others have 1.",
        low=-10.0,
        high=10.0,
    )
    blend_words: tuple[str, ...] = parameter(
        (), "Only places of these words of the new prompt, and of those they replace, may change."
    )
    blend_threshold: float = parameter(
        0.3, "Share of a word's strongest attention that counts as its place.", low=0.0, high=1.0
    )
    blend_start: float = parameter(
        0.2,
        "Let only those places change from here on.",
        low=0.0,
        high=1.0,
        unit="fraction of progress",
    )
    invert: bool | None = parameter(
        None, "Change the given picture, found by inversion; unset does so when there is one."
    )

    def __post_init__(self) -> None:
        """Read words written as text, then check the parameters."""
        if isinstance(self.words, str):
            object.__setattr__(self, "words", read_map(self.words, f"{self.name}.words"))
        elif isinstance(self.words, Mapping):
            object.__setattr__(self, "words", dict(self.words))
        if isinstance(self.blend_words, str):
            listed = self.blend_words.replace(";", ",").split(",")
            object.__setattr__(self, "blend_words", tuple(w.strip() for w in listed if w.strip()))
        super().__post_init__()
        if not self.source_prompt.strip():
            self._refuse(
                "source_prompt",
                self.source_prompt,
                "a description of the picture before the change",
                "describe it in the words of the new prompt, changing only what shall change",
            )
        if self.mode == "reweight" and not self.words:
            self._refuse("words", self.words, "at least one word with its weight", "give words")

    def lanes(self) -> int:
        """The source and the target."""
        return 2

    def extra_calls(self, steps: int) -> int:
        """Inversion makes one call per step."""
        return 0 if self.invert is False else steps

    def check(self, plan: Plan) -> None:
        """Inversion is the DDIM step run backwards, over one schedule."""
        if self.invert is not False:
            self._check_inversion(plan.sampler, plan.repeats)

    def _check_inversion(self, sampler: str, repeats: int) -> None:
        this = f"{self.name} on a real picture"
        if sampler != "ddim":
            raise CannotCombine(
                f"{this} with the {sampler} sampler",
                "inversion is the DDIM step run backwards",
                "set the sampler to ddim, or invert=false",
            )
        if repeats > 1:
            raise CannotCombine(
                f"{this} with sdedit.repeats",
                "every repeat would be set back to the picture's own noise",
                "set repeats to 1, or invert=false",
            )

    def prepare(self, edit: Edit) -> FlowOf | None:
        """Add the source lane and the attention edit; find a real picture's noise."""
        source, target = self._read(edit, self.source_prompt), self._read(edit, edit.input.prompt)
        described, wanted = self._encode(edit)
        windows = described.text.shape[1] // source.window
        aligned = self._align(source, target, windows)
        self._add_lane(edit, described, wanted)
        lanes = _Lanes(self, aligned, self._weights(target), edit)
        if self.blend_words:
            lanes.blend = _Blend(self, self._places(target, aligned), len(aligned), edit)
        edit.condition = replace(edit.condition, attention=(*edit.condition.attention, lanes))
        found = edit.input.picture is not None or edit.input.latents is not None
        if self.invert or (self.invert is None and found):
            return self._invert(edit, lanes, described)
        return None

    def project(self, x: Tensor, level: NoiseLevel, edit: Edit) -> Tensor:
        """Pin the source lane of a real picture, then blend outside the words' places."""
        lanes = next(e for e in edit.condition.attention if isinstance(e, _Lanes))
        if lanes.trajectory:
            x = x + (lanes.trajectory[level] - x[SOURCE])
        return x if lanes.blend is None else lanes.blend(x, level)

    def _read(self, edit: Edit, prompt: str) -> PromptTokens:
        # Encoders of one family read the same tokens, so the first one speaks for all.
        tokenizer = edit.model.checkpoint.tokenizers[0]
        encoder = edit.model.checkpoint.text_encoders[0]

        def tokenize(text: str) -> list[int]:
            ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
            return ids

        return read_prompt(prompt, tokenize, int(encoder.config.max_position_embeddings))

    def _encode(self, edit: Edit) -> tuple[Condition, Condition]:
        """Conditions of source and target; all prompts of an edit get equally many windows."""
        prompts = [self.source_prompt, edit.input.prompt, edit.input.negative_prompt]
        described, wanted, negative = edit.encode_prompts(prompts)
        if wanted.text.shape[1] != edit.condition.text.shape[1]:

            def without_prompt(condition: Condition) -> Condition:
                return replace(condition, text=negative.text)

            edit.drop_with("prompt", without_prompt)
        return described, wanted

    def _add_lane(self, edit: Edit, described: Condition, wanted: Condition) -> None:
        import torch

        vectors = {
            name: torch.cat([described.vectors[name], wanted.vectors[name]])
            for name in wanted.vectors
        }
        edit.lanes, edit.result_lane = 2, TARGET
        edit.condition = replace(
            edit.condition,
            text=torch.cat([described.text, wanted.text]),
            vectors={**edit.condition.vectors, **vectors},
        )

    def _align(self, source: PromptTokens, target: PromptTokens, windows: int) -> Alignment:
        counts = len(source.words), len(target.words)
        mode = self.mode
        if mode == "auto":
            mode = "replace" if counts[0] == counts[1] else "refine"
        if mode == "reweight":
            return align_positions(target.window, windows)
        if mode == "refine":
            return align_tokens(source, target, windows)
        if counts[0] != counts[1]:
            self._refuse(
                "source_prompt",
                self.source_prompt,
                f"a prompt of {counts[1]} words, as the new one has; this has {counts[0]}",
                "use mode=refine, or write both with equally many words",
            )
        return align_words(source, target, windows)

    def _weights(self, target: PromptTokens) -> dict[int, float]:
        weights: dict[int, float] = {}
        for text, weight in (self.words or {}).items():
            for word in self._find(target, text, "words"):
                weights |= dict.fromkeys(word.keys, weight)
        return weights

    def _places(self, target: PromptTokens, aligned: Alignment) -> tuple[set[int], set[int]]:
        """Keys of the blend words in source and target."""
        found = [w for text in self.blend_words for w in self._find(target, text, "blend_words")]
        keys = {key for word in found for key in word.keys}
        return {old for key in keys for old in aligned[key]}, keys

    def _find(self, target: PromptTokens, text: str, field: str) -> tuple[Word, ...]:
        found = target.find(text)
        if not found:
            known = ", ".join(dict.fromkeys(word.plain for word in target.words))
            self._refuse(field, text, f"words of the new prompt: {known}", "use one of these")
        return found

    def _refuse(self, field: str, value: object, allowed: str, fix: str) -> NoReturn:
        raise InvalidField(f"{self.name}.{field}", value, allowed, fix)

    def _invert(self, edit: Edit, lanes: _Lanes, described: Condition) -> FlowOf:
        """Find the states that lead to the picture, and start from the noisiest."""
        self._check_inversion(edit.input.sampler, edit.start.repeats)
        source = edit.source
        condition = without_picture(described, edit.model, source)
        lanes.trajectory = yield from invert_once(edit, source, condition)
        edit.start = replace(edit.start, latents=lanes.trajectory[edit.levels[0]])


class _Lanes:
    """What couples the two lanes of one edit: its attention edit, and what it remembers."""

    def __init__(
        self, settings: PromptToPrompt, aligned: Alignment, weights: dict[int, float], edit: Edit
    ) -> None:
        import torch

        keys = len(aligned)
        self.settings = settings
        self.blend: _Blend | None = None
        self.trajectory: Mapping[NoiseLevel, Tensor] = {}
        shares = torch.zeros(keys, keys)
        for key, olds in enumerate(aligned):
            for old, share in olds.items():
                shares[old, key] = share
        own = torch.tensor([0.0 if olds else 1.0 for olds in aligned])
        weight = torch.tensor([weights.get(key, 1.0) for key in range(keys)])
        self._shares = (shares * weight).to(edit.model.device)
        self._own = (own * weight).to(edit.model.device)
        # The authors stop at 16x16, a quarter of their latent's side; larger pictures have
        # proportionally larger layers of the same depth.
        height, width = edit.latent_size
        self._coarse = max(GRID * GRID, height * width // 16)

    def wants(self, place: AttentionPlace, queries: int, level: NoiseLevel) -> bool:
        """All cross-attention and coarse self-attention in their windows; what blending reads."""
        if place.kind == "self":
            return queries <= self._coarse and self._in_self_window(level)
        blends = self.blend is not None and self.blend.reads(place, queries)
        return blends or self._in_cross_window(level)

    def __call__(self, probabilities: Tensor, place: AttentionPlace, level: NoiseLevel) -> Tensor:
        """Give the target the source's probabilities, aligned and weighted."""
        import torch

        source, target = probabilities[SOURCE], probabilities[TARGET]
        if place.kind == "self":
            return source.expand_as(probabilities) if self._in_self_window(level) else probabilities
        if self._in_cross_window(level):
            target = source @ self._shares + target * self._own
            probabilities = torch.stack([source, target])
        if self.blend is not None and self.blend.reads(place, probabilities.shape[2]):
            self.blend.see(probabilities)
        return probabilities

    def _in_cross_window(self, level: NoiseLevel) -> bool:
        return in_window(level, self.settings.cross_start, self.settings.cross_stop)

    def _in_self_window(self, level: NoiseLevel) -> bool:
        return in_window(level, self.settings.self_start, self.settings.self_stop)


class _Blend:
    """LocalBlend: the source everywhere but where the words are, in either lane.

    The words' maps are read in the layers whose grid is nearest to 16x16, the only ones that the
    authors use; which those are is known after the first step.
    """

    def __init__(
        self,
        settings: PromptToPrompt,
        places: tuple[set[int], set[int]],
        keys: int,
        edit: Edit,
    ) -> None:
        import torch

        chosen = torch.zeros(2, 1, 1, keys)
        for lane, found in enumerate(places):
            chosen[lane, ..., list(found)] = 1.0
        self._settings = settings
        self._chosen = chosen.to(edit.model.device)
        self._maps: dict[int, Tensor] = {}
        self._grid = 0

    def reads(self, place: AttentionPlace, queries: int) -> bool:
        """Cross-attention outside the middle block."""
        outer = place.kind == "cross" and place.part != "mid"
        return outer and self._grid in (0, queries)

    def see(self, probabilities: Tensor) -> None:
        """Add a layer's maps of the words, ``[2, queries]``."""
        maps = (probabilities * self._chosen).sum(-1).mean(1)
        queries = maps.shape[1]
        self._maps[queries] = self._maps.get(queries, 0.0) + maps

    def __call__(self, x: Tensor, level: NoiseLevel) -> Tensor:
        """Go on from ``x_src + mask (x - x_src)``."""
        if level.progress == 0.0:
            self._maps, self._grid = {}, 0
        if not self._maps:
            return x
        self._grid = min(self._maps, key=_distance_to_grid)
        self._maps = {self._grid: self._maps[self._grid]}
        if level.progress <= self._settings.blend_start:
            return x
        mask = self._mask(x.shape[-2], x.shape[-1]).to(x)
        return x[SOURCE] + mask * (x - x[SOURCE])

    def _mask(self, height: int, width: int) -> Tensor:
        from torch.nn import functional as F

        factor = round((height * width / self._grid) ** 0.5)
        grid = (-(-height // factor), -(-width // factor))
        maps = F.max_pool2d(self._maps[self._grid].reshape(-1, 1, *grid), 3, 1, 1)
        maps = F.interpolate(maps, (height, width))
        # A word that is in one prompt only has no map in the other.
        strongest = maps.amax((2, 3), keepdim=True).clamp(min=1e-12)
        return (maps / strongest > self._settings.blend_threshold).any(0, keepdim=True)


def _distance_to_grid(queries: int) -> float:
    wanted = float(GRID * GRID)
    return max(queries / wanted, wanted / queries)
