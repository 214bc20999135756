"""The table: rows are attacks, columns are contenders at a size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from marks.journal import Case

Column = tuple[str, int]


def summary(cases: Sequence[tuple[str, int, str, Case]], rows: Sequence[str]) -> dict[str, Any]:
    """Column -> fidelity, and for each row how many of how many were read, and mean accuracy."""
    result: dict[str, Any] = {}
    for column in _columns(cases):
        mine = [case for name, side, _, case in cases if (name, side) == column]
        result[f"{column[0]} {column[1]}"] = {
            "pictures": len(mine),
            "psnr": _mean(mine, "psnr"),
            "ssim": _mean(mine, "ssim"),
            "rows": {row: counted for row in rows if (counted := _count(mine, row))},
        }
    return result


def lines(found: Mapping[str, Any], rows: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the printed table."""
    head = ["attack", *found]
    first = [
        ["pictures", *(str(column["pictures"]) for column in found.values())],
        ["PSNR, dB", *(f"{column['psnr']:.1f}" for column in found.values())],
        ["SSIM", *(f"{column['ssim']:.4f}" for column in found.values())],
    ]
    return head, first + [
        [row, *(_cell(column["rows"].get(row)) for column in found.values())] for row in rows
    ]


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their heads, in columns."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def _columns(cases: Sequence[tuple[str, int, str, Case]]) -> list[Column]:
    return list(dict.fromkeys((name, side) for name, side, _, _ in cases))


def _mean(cases: Sequence[Case], key: str) -> float:
    values = [case[key] for case in cases if case.get(key) is not None]
    return round(mean(values), 5) if values else float("nan")


def _count(cases: Sequence[Case], row: str) -> dict[str, Any] | None:
    shares = [case["rows"][row] for case in cases if row in case["rows"]]
    if not shares:
        return None
    read = sum(share == 1 for share in shares)
    return {"read": read, "of": len(shares), "bits": round(mean(shares), 3)}


def _cell(counted: Mapping[str, Any] | None) -> str:
    if counted is None:
        return "-"
    return f"{counted['read']}/{counted['of']} ({counted['bits']:.2f})"
