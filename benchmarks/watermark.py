"""TileMark beside invisible-watermark: the same pictures, the same attacks, one run.

Every case is kept in the results file as soon as it is measured; stopped, the same command goes on
where it was. Cases of TileMark are measured anew when its code has changed.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

sys.path.insert(0, str(Path(__file__).parent))

from marks import clean, cost, foreign, table
from marks.about import about
from marks.attacks import Attack, attacks
from marks.contenders import contenders
from marks.journal import Journal
from marks.measure import SEED, measure
from marks.pictures import Draw, pictures


def main() -> int:
    """Measure, print, write."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--json", type=Path, help="keep the results in this file, and go on from it"
    )
    parser.add_argument("--only", nargs="*", help="contenders, for example TileMark dwtDctSvd")
    parser.add_argument("--sides", nargs="*", type=int, default=[512, 256], help="pixels")
    parser.add_argument("--rows", default="", help="attacks whose name contains this")
    parser.add_argument("--pictures", default="", help="pictures whose name contains this")
    parser.add_argument("--every", type=int, default=1, help="only every n-th picture")
    parser.add_argument("--clean", type=int, default=0, help="tiles without a mark to look at")
    parser.add_argument(
        "--foreign", type=int, default=0, help="pictures without a mark of others to look at"
    )
    parser.add_argument("--speed", type=int, default=0, help="repeats of the timing")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    options = parser.parse_args()
    cv2.setNumThreads(1)  # CPU time is what is reported
    journal = Journal(options.json, again=options.again)
    rows = {name: attack for name, attack in attacks().items() if options.rows in name}
    chosen = {name: draw for name, draw in pictures().items() if options.pictures in name}
    chosen = dict(list(chosen.items())[:: options.every])
    described = about(SEED)
    for _ in everything(journal, options, rows, chosen):
        journal.save(described)
    show(journal)
    journal.save(described)
    return 0


def everything(
    journal: Journal, options: Any, rows: dict[str, Attack], chosen: dict[str, Draw]
) -> Iterator[None]:
    """Measure what is asked for and missing; yield after every part."""
    for name, contender in contenders().items():
        if options.only is not None and name not in options.only:
            continue
        for side in options.sides:
            for picture, draw in chosen.items():
                case = journal.case(name, side, picture)
                if measure(case, contender, draw(side), picture, rows):
                    print(f"{name} {side} {picture}", file=sys.stderr, flush=True)
                    yield
    if options.clean:
        known = journal.content.get("clean", {})
        for state in clean.count_accepts(list(pictures().values()), options.clean, known):
            journal.content["clean"] = state
            yield
    if options.foreign:
        known = journal.content.get("foreign_clean", {})
        for state in foreign.count_accepts(list(pictures().values()), options.foreign, known):
            journal.content["foreign_clean"] = state
            yield
        known = journal.content.get("foreign_marks", {})
        for state in foreign.recognition(chosen, known):
            journal.content["foreign_marks"] = state
            yield
    if options.speed:
        rgb = pictures()["photograph astronaut"](512)
        journal.content["milliseconds_512"] = cost.milliseconds(rgb, options.speed)
        yield


def show(journal: Journal) -> None:
    """Print the table, and keep it in the results."""
    names = list(attacks())
    found = table.summary(journal.cases(), names)
    head, body = table.lines(found, names)
    table.show(head, body)
    print("\nread/of (mean bit accuracy); chance is 0.50, also for what says that it cannot read")
    for part in ("clean", "foreign_clean", "foreign_marks", "milliseconds_512"):
        if part in journal.content:
            print(f"{part}: {journal.content[part]}")
    journal.content["summary"] = found


if __name__ == "__main__":
    sys.exit(main())
