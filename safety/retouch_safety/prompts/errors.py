"""Errors of the prompt filter.

::

    SafetyError
    ├── PromptRefused      the filter said no; carries every block
    ├── PromptCheckFailed  the filter itself is missing a part or is broken: nothing passes
    └── InvalidPrompt      wrong input, an InvalidInput
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retouch_safety.errors import InvalidInput, SafetyError

if TYPE_CHECKING:
    from retouch_safety.prompts.verdict import Block


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


class InvalidPrompt(InvalidInput):
    """A field that cannot be read."""
