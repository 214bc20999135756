"""Documents as hosts hold them, written to files for a kit; and results read back from theirs."""

import numpy as np
from PIL import ImageCms

#: Where in the document the crop lies: a layer that hangs over the left edge.
CROP = (-16, 40, 128, 128)
DTYPES = {"UINT8": "<u1", "UINT16": "<u2", "FLOAT32": "<f4"}
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gradient(kind):
    """A smooth picture of the crop's size in RGBA at full precision."""
    rows, columns = np.mgrid[0 : CROP[3], 0 : CROP[2]] / (CROP[3] - 1)
    unit = np.dstack([0.2 + 0.5 * columns, 0.3 + 0.4 * rows, 0.25 + 0.3 * (rows + columns) / 2])
    unit = np.dstack([unit, np.ones_like(rows)])
    dtype = np.dtype(DTYPES[kind])
    return (unit if dtype.kind == "f" else np.rint(unit * np.iinfo(dtype).max)).astype(dtype)


class Held:
    """Writes what an edit needs into a folder.

    Args:
        folder: for files.
    """

    def __init__(self, folder):
        self._folder = folder

    def file(self, name, data):
        file = self._folder / name
        file.write_bytes(data)
        return str(file)

    def picture(self, pixels, order="RGBA", kind="UINT8", profile=b""):
        """What a kit is told of pixels in RGBA."""
        held = pixels[..., [2, 1, 0, 3]] if order == "BGRA" else pixels
        form = {"order": order, "type": kind}
        form |= {"width": pixels.shape[1], "height": pixels.shape[0]}
        form["profile"] = self.file("profile.icc", profile) if profile else ""
        return {"path": self.file("pixels", held.astype(DTYPES[kind]).tobytes()), **form}

    def edit(self, pixels=None, mask=None, steps=4, operations=None, **more):
        """A short edit, as a kit is asked for it."""
        pixels = gradient("UINT8") if pixels is None else pixels
        order, kind = more.pop("order", "RGBA"), more.pop("kind", "UINT8")
        recipe = {
            "prompt": more.pop("prompt", "a red house"),
            "operations": operations or [{"sdedit": {"strength": 0.6}}],
            "steps": steps,
            "seed": 5,
            "variants": more.pop("variants", 1),
            **more.pop("recipe", {}),
        }
        return {
            "folder": str(self._folder),
            "crop": CROP,
            "picture": self.picture(pixels, order, kind, more.pop("profile", b"")),
            "mask": "" if mask is None else self.file("mask", mask.tobytes()),
            "recipe": recipe,
            **more,
        }


def read_back(result):
    """The pixels of a result in RGBA, and its mask."""
    with open(result["path"], "rb") as file:
        samples = np.frombuffer(file.read(), DTYPES[result["type"]])
    pixels = samples.reshape(result["height"], result["width"], -1)
    if result["order"] == "BGRA":
        pixels = pixels[..., [2, 1, 0, 3]]
    mask = None
    if "mask" in result:
        with open(result["mask"], "rb") as file:
            mask = np.frombuffer(file.read(), np.uint8).reshape(pixels.shape[:2])
    return pixels, mask


def soft_disc():
    """A soft selection: full in the middle, 0 outside, every value between."""
    rows, columns = np.mgrid[0 : CROP[3], 0 : CROP[2]]
    away = np.hypot(rows - CROP[3] / 2, columns - CROP[2] / 2)
    return np.rint(255 * np.clip((52 - away) / 24, 0, 1)).astype(np.uint8)
