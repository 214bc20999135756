"""Errors of the prompt filter.

::

    SafetyError
    ├── PromptRefused      the filter said no; carries every block
    ├── PromptCheckFailed  the filter itself is missing a part or is broken: nothing passes
    └── InvalidPrompt      a field that cannot be read: field, value, allowed, fix
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retouch_safety.errors import SafetyError

if TYPE_CHECKING:
    from retouch_safety.prompts.verdict import Block

_SHOWN = 80  # characters of a value that an error repeats


class PromptRefused(SafetyError):
    """The filter said no.

    Args:
        blocks: every finding, the strictest first; never empty.
    """

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks
        super().__init__(str(blocks[0]))


class PromptCheckFailed(SafetyError):
    """The filter is missing a part or is broken, so no prompt can pass."""


class InvalidPrompt(SafetyError):
    """A field that cannot be read.

    Args:
        field: name of the field, for example ``region_prompts[1]``.
        value: what was given.
        allowed: the allowed range or type, in words.
        fix: what to do about it, one imperative clause.
    """

    def __init__(self, field: str, value: object, allowed: str, fix: str) -> None:
        self.field, self.value, self.allowed, self.fix = field, value, allowed, fix
        shown = repr(value)
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}…"
        super().__init__(f"{field}: got {shown}; allowed: {allowed}. Fix: {fix}.")
