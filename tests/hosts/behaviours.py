"""What every host's plugin does: twelve behaviours, and the table of which host was seen doing it.

A test that drives a host says so when it has seen one: ``record("Krita", "fill selection")``. What
is recorded counts only where that test passes; ``conftest.py`` prints the table.
"""

#: Name -> what must be seen in the host.
BEHAVIOURS = {
    "fill selection": "the selection is filled from the prompt; outside nothing changes",
    "expand canvas": "the canvas grows, and what is new is painted",
    "restyle": "SDEdit of the layer",
    "instruct": "an instruction is followed (InstructPix2Pix)",
    "swap a word": "a word is changed and the picture kept (Prompt-to-Prompt of a real picture)",
    "reference": "another picture says how it looks (IP-Adapter)",
    "control": "another picture says where things are (T2I-Adapter)",
    "variants": "several, to flip through before one is kept",
    "result as one layer": "preview, then a layer in its place with a soft mask; one undo step",
    "cancel exactly this job": "one of two jobs stops, the other goes on",
    "history and replay": "an edit is made again as it was",
    "errors in one sentence": "blocked, failed, daemon gone and back; nobody waits",
}
_seen: list[tuple[str, str]] = []


def record(host: str, behaviour: str) -> None:
    """Say that a host was seen doing something.

    Args:
        host: name of the host with its version where that matters: "Krita 5.1".
        behaviour: a key of ``BEHAVIOURS``.
    """
    if behaviour not in BEHAVIOURS:
        raise ValueError(f"{behaviour!r} is no behaviour. Fix: use one of {list(BEHAVIOURS)}.")
    _seen.append((host, behaviour))


def take_seen() -> list[tuple[str, str]]:
    """Return what was recorded since the last call."""
    found = list(_seen)
    _seen.clear()
    return found


def table(seen: set[tuple[str, str]]) -> list[str]:
    """Return the lines of the table host x behaviour."""
    hosts = sorted({host for host, _ in seen})
    widths = [max(len(host), 4) for host in hosts]
    longest = max(map(len, BEHAVIOURS))
    lines = [" " * longest + "".join(f"  {h:<{w}}" for h, w in zip(hosts, widths, strict=True))]
    for behaviour in BEHAVIOURS:
        marks = ("yes" if (host, behaviour) in seen else "-" for host in hosts)
        cells = "".join(f"  {mark:<{w}}" for mark, w in zip(marks, widths, strict=True))
        lines.append(f"{behaviour:<{longest}}{cells}")
    return [line.rstrip() for line in lines]
