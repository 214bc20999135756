"""The judge: a small detector, trained on procedural scenes, that says what a picture shows."""

from retouch.evaluation.judge.judge import Judge
from retouch.evaluation.judge.verdict import Found, Verdict

__all__ = ["Found", "Judge", "Verdict"]
