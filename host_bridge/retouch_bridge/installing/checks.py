"""Lines of ``retouch doctor`` about hosts."""

from __future__ import annotations

from retouch_bridge.installing import gimp, krita, photoshop


def checks() -> list[tuple[str, str, str]]:
    """Return subject, state ("ok" or "note") and detail, a line each.

    Nobody needs every host, so what a host lacks is a note, not a fault.
    """
    found = []
    hosts = {
        "Krita": krita.missing(),
        "GIMP": gimp.missing(),
        "Photoshop": photoshop.missing(),
    }
    for host, missing in hosts.items():
        found += [(host, "note", sentence) for sentence in missing]
        if not missing:
            found.append((host, "ok", "the plugin is installed"))
    return found
