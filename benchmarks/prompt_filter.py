"""How often the prompt filter is right, and how long it takes.

Sets of sentences: those that rules, thresholds and classifier were made with, among them the
held-out sets of earlier rounds, and the held-out set of the last round, which was written before
its author read a rule. Of that one only counts are printed and written, never a sentence, so that
nobody tunes on it by chance; sentences that a development set holds too are left out of it. What
the filter makes of the others says nothing about new texts: for that, each round is left out of the
classifier's training in turn (``python -m training.prompt_classifier --leave-out``). Every sentence
is also asked for inside of a long harmless prompt. A missed goal is a finding: the exit code is 0
all the same.
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
TUNED_ON = (
    "development",
    "development_neighbours",
    "development_contrasts",
    "held_out_round_1",
    "held_out_round_2",
    "held_out_round_3",
    "held_out_round_4",
    "held_out_round_5",
)
HELD_OUT = "held_out_round_6"
NAMES = (*TUNED_ON, HELD_OUT)
TIMED = 40  # prompts

# The held-out set was written before its author knew what the request calls them.
_FIELD_OF = {"adapter_names": "adapters", "token_names": "tokens"}

#: figure, goal, whether smaller is better
GOALS = (
    ("false_positives_tricky", 0, True),
    ("false_positives_tricky_held_out", 0, True),
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
    data = _parsed(name)
    if name == HELD_OUT:
        _leave_out(data, set().union(*(_sentences(_parsed(tuned)) for tuned in TUNED_ON)))
    return data, list(cases(data, name))


def cases(data: dict[str, Any], part: str) -> Iterator[Case]:
    """Yield every sentence alone and, in turn, in one of the long prompts; then the requests."""
    for side, violating in (("benign", False), ("violating", True)):
        for kind, sentences in data[side].items():
            row = _row(part, kind, violating)
            for number, sentence in enumerate(sentences):
                yield Case(part, row, violating, PromptFields(prompt=sentence))
                wrapper = data["wrappers"][number % len(data["wrappers"])]
                wrapped = PromptFields(prompt=wrapper.format(sentence))
                yield Case(part, f"{row}, diluted", violating, wrapped)
        for request in data["fields"][side]:
            given = {
                _FIELD_OF.get(k, k): tuple(v) if isinstance(v, list) else v
                for k, v in request.items()
            }
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
        if not right and case.part != HELD_OUT:
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
    found: dict[str, float] = {}
    for suffix, held_out in (("", False), ("_held_out", True)):
        mine = [row for row in rows if (row["set"] == HELD_OUT) is held_out]
        if not mine:
            continue
        benign = [row for row in mine if not row["violating"]]
        tricky = [row for row in benign if row["kind"].startswith("benign tricky")]
        found |= {
            f"benign{suffix}": sum(row["count"] for row in benign),
            f"false_positives{suffix}": _wrong(benign),
            f"false_positives_tricky{suffix}": _wrong(tricky),
            f"violating{suffix}": sum(row["count"] for row in mine if row["violating"]),
            f"recall{suffix}": _recall([row for row in mine if row["violating"]]),
        }
    return found


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
    """Measure, print, write; 0 when it has run, whatever it found."""
    options = _arguments().parse_args()
    torch.set_num_threads(options.threads)
    encoder = SentenceEncoder()
    begin = time.process_time()
    encoder.self_test()
    results: dict[str, Any] = {"load_cpu_s": time.process_time() - begin}
    prompt_filter = PromptFilter(options.profile, encoder=encoder)
    read = {name: read_set(name) for name in _present(options.sets)}
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
    return 0


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
    asked = [goal for goal in GOALS if goal[0] in results]
    met = {
        name: results[name] <= goal if smaller else results[name] >= goal
        for name, goal, smaller in asked
    }
    verdicts = [
        (
            name,
            float(results[name]),
            f"{'<=' if smaller else '>='} {goal}",
            "met" if met[name] else "missed",
        )
        for name, goal, smaller in asked
    ]
    print()
    record.print_table(("figure", "value", "goal", "verdict"), verdicts)
    missed = [name for name, reached in met.items() if not reached]
    print(f"\ngoals missed: {', '.join(missed) or 'none'}")
    return met


def _arguments() -> argparse.ArgumentParser:
    parser = record.arguments(__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=PROFILES, default="standard")
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--benign", type=Path, help="a text file of harmless prompts, one a line")
    return parser


def _present(wanted: Sequence[str]) -> list[str]:
    """Return the wanted sets whose files are there, and say which one is not."""
    found = []
    for name in NAMES:
        if name in wanted and (SETS / f"{name}.toml").is_file():
            found.append(name)
        elif name in wanted:
            print(f"{name}: no such file yet, left out")
    return found


def _row(part: str, kind: str, violating: bool) -> str:
    if not violating:
        return f"benign {kind if part != HELD_OUT or kind == 'tricky' else 'plain'}"
    if part == HELD_OUT:
        return "violating"  # a count for each kind would say where to tune
    return kind if kind in ("minors", "obfuscated", "multilingual") else "plain words"


def _parsed(name: str) -> dict[str, Any]:
    return tomllib.loads((SETS / f"{name}.toml").read_text(encoding="utf-8"))


def _sentences(data: dict[str, Any]) -> set[str]:
    kinds = (*data["benign"].values(), *data["violating"].values())
    return {sentence.casefold() for kind in kinds for sentence in kind}


def _leave_out(data: dict[str, Any], known: set[str]) -> None:
    for side in ("benign", "violating"):
        for kind, sentences in data[side].items():
            data[side][kind] = [one for one in sentences if one.casefold() not in known]


def _wrong(rows: Sequence[dict[str, Any]]) -> int:
    return sum(row["count"] - row["right"] for row in rows)


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
