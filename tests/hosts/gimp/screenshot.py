"""Makes docs/images/hosts/gimp.webp: the dialog in GIMP, after an edit of the demo's house."""

import shutil
import sys
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from gateway_daemon import Served  # noqa: E402
from gimp_host import ABSENT, ROOT, Gimp, Screen, find  # noqa: E402
from gimp_window import opened  # noqa: E402

from retouch_bridge.installing import gimp as installing  # noqa: E402

PICTURE = ROOT / "docs/images/hosts/gimp.webp"


def main():
    root = find()
    if root is None:
        raise SystemExit(ABSENT)
    gimp = Gimp(root, "retouch-screenshot")
    installing.install(gimp.plugins, gimp.inside(gimp.folder / "daemon"))
    house = Image.open(ROOT / "sdk/retouch/demo/house.png").resize((512, 512), Image.LANCZOS)
    house.save(gimp.folder / "house.png")
    daemon, screen = Served(gimp.folder / "daemon", "gimp").start(), Screen(gimp)
    try:
        given = {"selection": [70, 90, 380, 370], "feather": 40}
        with opened(gimp, screen, daemon, **given) as window:
            window.dialog()
            window.press("windowsize", window.image(), "900", "860")
            window.press("windowmove", window.image(), "2", "2")
            window.press("windowmove", window.dialog(), "908", "2")
            window.press("windowsize", window.dialog(), "866", "860")
            window.press("mousemove", "1700", "880")
            time.sleep(4)
            window.write("a rocket in the snow")
            known = window.jobs()
            window.press("key", "alt+g")
            window.finished(known)
            PICTURE.parent.mkdir(parents=True, exist_ok=True)
            whole = window.screen.picture().crop((0, 0, 1780, 884))
            whole.save(PICTURE, quality=88, method=6)
            window.press("key", "alt+c")
    finally:
        screen.close()
        daemon.stop()
        shutil.rmtree(gimp.folder)


if __name__ == "__main__":
    main()
