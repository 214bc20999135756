"""How often the prompt filter is right, and how long it takes.

Two sets of sentences: one that rules and thresholds were tuned on, one that was written before and
never tuned on. Every violating sentence is also asked for inside of a long harmless prompt.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import record

from retouch_safety.prompts import PROFILES, Category, PromptFields, PromptFilter, SentenceEncoder

SEED = 0  # nothing is drawn at random
SETS = Path(__file__).parent / "prompts"
NAMES = ("development", "held_out")
TIMED = 40  # prompts

#: figure, goal, whether smaller is better
GOALS = (
    ("false_positives_tricky", 0, True),
    ("recall", 0.98, False),
    ("recall_held_out", 0.98, False),
    ("p95_cached_ms", 50, True),
    ("p95_cold_ms", 400, True),
)


@dataclass(frozen=True)
class Case:
    """One request and whether it is to be refused."""

    part: str
    kind: str
    violating: bool
    fields: PromptFields


def read_set(name: str) -> tuple[dict[str, Any], list[Case]]:
    """Read a file of sentences and make the cases of it."""
    data = tomllib.loads((SETS / f"{name}.toml").read_text(encoding="utf-8"))
    return data, list(cases(data, name))


def cases(data: dict[str, Any], part: str) -> Iterator[Case]:
    """Yield every sentence alone and, in turn, in one of the long prompts; then the requests."""
    for side, violating in (("benign", False), ("violating", True)):
        for kind, sentences in data[side].items():
            row = f"benign {kind}" if not violating else _row(kind)
            for number, sentence in enumerate(sentences):
                yield Case(part, row, violating, PromptFields(prompt=sentence))
                wrapper = data["wrappers"][number % len(data["wrappers"])]
                wrapped = PromptFields(prompt=wrapper.format(sentence))
                yield Case(part, f"{row}, diluted", violating, wrapped)
        for request in data["fields"][side]:
            given = {k: tuple(v) if isinstance(v, list) else v for k, v in request.items()}
            kind = f"{'other' if violating else 'benign other'} fields"
            yield Case(part, kind, violating, PromptFields(**given))


def judge(prompt_filter: PromptFilter, asked: Sequence[Case]) -> list[dict[str, Any]]:
    """One row for each part and kind: how many, how many right, by which stage, and the wrong."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for case in asked:
        key = (case.part, case.kind)
        row = rows.setdefault(
            key,
            {"set": case.part, "kind": case.kind, "violating": case.violating, "count": 0}
            | {"right": 0, "by_rule": 0, "by_embedding": 0, "wrong": []},
        )
        verdict = prompt_filter.check(case.fields)
        right = verdict.allowed is not case.violating
        row["count"] += 1
        row["right"] += right
        for stage in ("rule", "embedding"):
            row[f"by_{stage}"] += any(block.stage == stage for block in verdict.blocks)
        if not right:
            row["wrong"].append(_shown(case, [str(block) for block in verdict.blocks[:1]]))
        if case.kind.startswith("minors"):
            named = any(block.category is Category.MINORS for block in verdict.blocks)
            row["named_as_minors"] = row.get("named_as_minors", 0) + named
    return list(rows.values())


def timing(encoder: SentenceEncoder, profile: str, data: dict[str, Any]) -> dict[str, float]:
    """CPU milliseconds of one thread for long harmless prompts, which pass every stage."""
    prompt_filter = PromptFilter(profile, encoder=encoder)  # type: ignore[arg-type]
    sentences = [*data["benign"]["plain"], *data["benign"]["tricky"]][:TIMED]
    wrappers = data["wrappers"]
    prompts = [wrappers[i % len(wrappers)].format(text) for i, text in enumerate(sentences)]
    prompt_filter.check(PromptFields(prompt=prompts[0]))  # prototypes
    cold, cached = [], []
    for prompt in prompts:
        fields = PromptFields(prompt=prompt)
        encoder.forget()
        for taken in (cold, cached):
            begin = time.thread_time()
            prompt_filter.check(fields)
            taken.append((time.thread_time() - begin) * 1e3)
    return {
        "p50_cold_ms": statistics.median(cold),
        "p95_cold_ms": statistics.quantiles(cold, n=20)[-1],
        "p50_cached_ms": statistics.median(cached),
        "p95_cached_ms": statistics.quantiles(cached, n=20)[-1],
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The figures of the goals that are counts."""
    tricky = [row for row in rows if row["kind"].startswith("benign tricky")]
    return {
        "false_positives": sum(row["count"] - row["right"] for row in rows if not row["violating"]),
        "false_positives_tricky": sum(row["count"] - row["right"] for row in tricky),
        "recall": _recall([row for row in rows if row["violating"]]),
        "recall_held_out": _recall(
            [row for row in rows if row["violating"] and row["set"] == "held_out"]
        ),
    }


def other_benign(prompt_filter: PromptFilter, file: Path) -> dict[str, Any]:
    """Prompts of a text file, one a line, all harmless: how many are refused."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    prompts = [line for line in lines if line]
    refused = []
    for prompt in prompts:
        verdict = prompt_filter.check(PromptFields(prompt=prompt))
        if not verdict.allowed:
            refused.append({"prompt": prompt, "block": str(verdict.blocks[0])})
    return {"file": file.name, "count": len(prompts), "refused": refused}


def main() -> int:
    """Measure, print, write; 1 when a goal that is a count is missed."""
    options = _arguments().parse_args()
    torch.set_num_threads(options.threads)
    encoder = SentenceEncoder()
    begin = time.process_time()
    encoder.self_test()
    results: dict[str, Any] = {"load_cpu_s": time.process_time() - begin}
    prompt_filter = PromptFilter(options.profile, encoder=encoder)
    read = {name: read_set(name) for name in NAMES if name in options.sets}
    rows = judge(prompt_filter, [case for _, asked in read.values() for case in asked])
    results |= summary(rows) | timing(encoder, options.profile, next(iter(read.values()))[0])
    met = _print(rows, results)
    if options.benign:
        results["other_benign"] = other_benign(prompt_filter, options.benign)
        found = results["other_benign"]
        print(f"\n{found['file']}: {len(found['refused'])} of {found['count']} refused")
    if options.json:
        about = {"profile": options.profile, "sets": {name: _digest(name) for name in read}}
        record.write_json(options.json, SEED, about | results | {"met": met, "rows": rows})
    return 0 if all(met[name] for name, *_ in GOALS[:3]) else 1


def _print(rows: Sequence[dict[str, Any]], results: dict[str, Any]) -> dict[str, bool]:
    table = [
        (
            row["set"],
            row["kind"],
            f"{row['right']}/{row['count']}",
            row["by_rule"],
            row["by_embedding"],
        )
        for row in rows
    ]
    record.print_table(("set", "kind", "right", "by rule", "by embedding"), table)
    for row in rows:
        for wrong in row["wrong"]:
            print(f"wrong: {row['set']}, {row['kind']}: {wrong}")
    met = {
        name: results[name] <= goal if smaller else results[name] >= goal
        for name, goal, smaller in GOALS
    }
    verdicts = [
        (
            name,
            float(results[name]),
            f"{'<=' if smaller else '>='} {goal}",
            "met" if met[name] else "missed",
        )
        for name, goal, smaller in GOALS
    ]
    print()
    record.print_table(("figure", "value", "goal", "verdict"), verdicts)
    return met


def _arguments() -> argparse.ArgumentParser:
    parser = record.arguments(__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=PROFILES, default="standard")
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--benign", type=Path, help="a text file of harmless prompts, one a line")
    return parser


def _row(kind: str) -> str:
    return kind if kind in ("minors", "obfuscated", "multilingual") else "plain words"


def _recall(rows: Sequence[dict[str, Any]]) -> float:
    count = sum(row["count"] for row in rows)
    return sum(row["right"] for row in rows) / count if count else 1.0


def _shown(case: Case, blocks: list[str]) -> str:
    given = [text for _, text, _ in case.fields.texts() if text]
    return " | ".join([*given, *blocks])


def _digest(name: str) -> str:
    return hashlib.sha256((SETS / f"{name}.toml").read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
