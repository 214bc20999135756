"""The prompt filter: every text of a request is read in every way before anything runs.

``PromptFilter.require`` raises ``PromptRefused`` with field, stage, category, clause, score,
threshold and advice. English is judged by rules and by meaning, ten more languages by term lists.
"""

from retouch_safety.profiles import PROFILES, Profile
from retouch_safety.prompts.embedding import SentenceEncoder
from retouch_safety.prompts.errors import InvalidPrompt, PromptCheckFailed, PromptRefused
from retouch_safety.prompts.extension import Objection, PromptRule
from retouch_safety.prompts.fields import PromptFields
from retouch_safety.prompts.filter import PromptFilter
from retouch_safety.prompts.verdict import FLOOR, Block, Category, PromptVerdict, Stage

__all__ = [
    "FLOOR",
    "PROFILES",
    "Block",
    "Category",
    "InvalidPrompt",
    "Objection",
    "Profile",
    "PromptCheckFailed",
    "PromptFields",
    "PromptFilter",
    "PromptRefused",
    "PromptRule",
    "PromptVerdict",
    "SentenceEncoder",
    "Stage",
]
