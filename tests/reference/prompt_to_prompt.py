"""Prompt-to-Prompt as published, on diffusers' plain network: what our operation is compared with.

A second, independent writing of the algorithm of the paper's code and of diffusers' community
pipeline: attention processors, a store of maps, integer step windows, and the scheduler's own
loop. It knows nothing of Retouch. What nothing edits is left to the attention that diffusers
itself uses, so that rounding (2e-6 of the latents' size otherwise) does not hide differences.
"""

import torch
from diffusers import DDIMScheduler
from torch.nn import functional as F

KEYS = 77


def word_keys(prompt, word, tokenizer):
    """Keys of the words equal to ``word`` (text), or of the word at an index."""
    words = prompt.split(" ")
    wanted = [word] if isinstance(word, int) else [i for i, w in enumerate(words) if w == word]
    keys, begin = [], 1
    for index, text in enumerate(words):
        count = len(tokenizer(text, add_special_tokens=False).input_ids)
        if index in wanted:
            keys += range(begin, begin + count)
        begin += count
    return keys


def replacement(source, target, tokenizer):
    """[77, 77]: attention of source keys handed to target keys."""
    old_words, new_words = source.split(" "), target.split(" ")
    assert len(old_words) == len(new_words)
    changed = [i for i in range(len(old_words)) if old_words[i] != new_words[i]]
    matrix = torch.zeros(KEYS, KEYS)
    old = new = 0
    pending = [(word_keys(source, i, tokenizer), word_keys(target, i, tokenizer)) for i in changed]
    while old < KEYS and new < KEYS:
        if pending and pending[0][0][0] == old:
            olds, news = pending.pop(0)
            if len(olds) == len(news):
                matrix[olds, news] = 1
            else:
                for key in news:
                    matrix[olds, key] = 1 / len(news)
            old, new = old + len(olds), new + len(news)
        else:
            matrix[old if pending else new, new] = 1
            old, new = old + 1, new + 1
    return matrix


def refinement(source, target, tokenizer):
    """[77] source key of each target key, and [77] 1 where there is one."""
    x, y = tokenizer(source).input_ids, tokenizer(target).input_ids
    table = torch.zeros(len(x) + 1, len(y) + 1, dtype=torch.int64)
    came = {}
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            options = {
                "left": int(table[i, j - 1]),
                "up": int(table[i - 1, j]),
                "both": int(table[i - 1, j - 1]) + (1 if x[i - 1] == y[j - 1] else -1),
            }
            table[i, j] = max(options.values())
            came[i, j] = next(name for name, value in options.items() if value == table[i, j])
    partner = torch.arange(KEYS)
    shared = torch.ones(KEYS)
    i, j = len(x), len(y)
    while j > 0:
        step = came.get((i, j), "left")
        if step == "both":
            i, j = i - 1, j - 1
            partner[j] = i
        elif step == "left":
            j -= 1
            shared[j] = 0
        else:
            i -= 1
    return partner, shared


class Controller:
    """Edits the conditional half of every layer's probabilities, in the order of the network."""

    def __init__(self, prompts, tokenizer, mode, steps, cross, own, weights, blend, threshold):
        self.step = 0
        self.stored = {}
        self.cross = tuple(int(bound * (steps + 1)) for bound in cross)
        self.own = tuple(int(bound * steps) for bound in own)
        self.threshold = threshold
        self.replace = self.refine = None
        if mode == "replace":
            self.replace = replacement(*prompts, tokenizer)
        if mode == "refine":
            self.refine = refinement(*prompts, tokenizer)
        self.weights = torch.ones(KEYS)
        for word, weight in (weights or {}).items():
            self.weights[word_keys(prompts[1], word, tokenizer)] = weight
        self.blend = None
        if blend:
            self.blend = torch.zeros(2, KEYS)
            for lane in range(2):
                for word in blend[lane]:
                    self.blend[lane, word_keys(prompts[lane], word, tokenizer)] = 1

    def active(self, is_cross, queries):
        """Whether this step edits such a layer, or reads it."""
        if is_cross:
            return self.blend is not None or self.cross[0] <= self.step < self.cross[1]
        return queries <= 16**2 and self.own[0] <= self.step < self.own[1]

    def edit(self, probabilities, is_cross, part):
        """[lanes, heads, queries, keys] -> the same."""
        source, target = probabilities
        queries = probabilities.shape[2]
        if is_cross and self.cross[0] <= self.step < self.cross[1]:
            new = source
            if self.replace is not None:
                new = torch.einsum("hqs,st->hqt", source, self.replace)
            if self.refine is not None:
                partner, shared = self.refine
                new = source[..., partner] * shared + target * (1 - shared)
            target = new * self.weights
        if not is_cross and self.active(is_cross, queries):
            target = source
        result = torch.stack([source, target])
        if is_cross and part != "mid" and queries == 16**2:
            # In a 512 px picture these are the third and fourth layers of the way down and the
            # first three of the way up, as the published code numbers them.
            self.stored.setdefault(part, []).append(result)
        return result

    def after_step(self, x):
        """LocalBlend after every step."""
        self.step += 1
        if self.blend is None:
            return x
        maps = torch.cat(
            [m.unflatten(2, (16, 16)) for part in self.stored.values() for m in part], 1
        )
        maps = (maps * self.blend[:, None, None, None]).sum(-1).mean(1, keepdim=True)
        mask = F.interpolate(F.max_pool2d(maps, 3, 1, padding=1), x.shape[2:])
        mask = mask / mask.amax((2, 3), keepdim=True) > self.threshold
        return x[:1] + (mask[:1] | mask[1:]).float() * (x - x[:1])


class Processor:
    """Explicit probabilities for the conditional rows of layers that are edited or read."""

    def __init__(self, controller, part):
        self.controller, self.part = controller, part

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None):
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        assert hidden_states.shape[0] == 4  # source and target without the prompts, then with them
        parts = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        query, key, value = (p.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for p in parts)
        is_cross = encoder_hidden_states is not None
        if not self.controller.active(is_cross, query.shape[2]):
            out = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
            return attn.to_out[1](attn.to_out[0](out))
        plain = F.scaled_dot_product_attention(query[:2], key[:2], value[:2])
        probabilities = (query[2:] @ key[2:].transpose(-1, -2) * attn.scale).softmax(-1)
        edited = self.controller.edit(probabilities, is_cross, self.part) @ value[2:]
        out = torch.cat([plain, edited]).transpose(1, 2).flatten(2)
        return attn.to_out[1](attn.to_out[0](out))


@torch.no_grad()
def prompt_to_prompt(
    checkpoint,
    prompts,
    noise,
    *,
    mode,
    steps,
    negative="",
    scale=7.5,
    cross=(0.0, 0.8),
    own=(0.0, 0.4),
    weights=None,
    blend=None,
    threshold=0.3,
):
    """Latents of both lanes ``[2, 4, h, w]``, from the same ``noise`` ``[1, 4, h, w]``."""
    tokenizer, encoder = checkpoint.tokenizers[0], checkpoint.text_encoders[0]
    controller = Controller(prompts, tokenizer, mode, steps, cross, own, weights, blend, threshold)
    network = checkpoint.unet
    network.set_attn_processor(
        {name: Processor(controller, name.split("_")[0]) for name in network.attn_processors}
    )
    texts = [negative, negative, *prompts]
    ids = tokenizer(texts, padding="max_length", max_length=KEYS, return_tensors="pt").input_ids
    states = encoder(ids)[0]
    scheduler = DDIMScheduler.from_config({**checkpoint.scheduler_config, "clip_sample": False})
    scheduler.set_timesteps(steps)
    x = noise.expand(2, -1, -1, -1)
    for time in scheduler.timesteps:
        plain, full = network(torch.cat([x, x]), time, states).sample.chunk(2)
        x = scheduler.step(plain + scale * (full - plain), time, x).prev_sample
        x = controller.after_step(x)
    return x
