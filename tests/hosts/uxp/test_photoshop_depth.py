"""8, 16 and 32 bits, with Photoshop's own ranges; profiles by name; what is transparent."""

import io
import subprocess

import numpy as np
import pytest
from chromium import ROOT, absent
from PIL import Image, ImageCms

pytestmark = [pytest.mark.host]
ESBUILD = ROOT / "host_bridge/photoshop_plugin/node_modules/.bin/esbuild"
LEFT = np.s_[:, :64]
RIGHT = np.s_[:, 64:]


def filled(photoshop, picture, **given):
    """A document whose left half was filled; and what is shown of it."""
    document = photoshop.open(picture, **given)
    mask = np.zeros((128, 128), np.uint8)
    mask[LEFT] = 255
    document.select(mask)
    photoshop.mode("Fill selection")
    photoshop.fill("prompt", "a soft gradient")
    photoshop.settings()
    assert photoshop.generate().startswith("Placed")
    return document


def ramp(white, kind):
    values = np.linspace(0, white, 128 * 128 * 3).reshape(128, 128, 3)
    return (np.round(values) if kind != np.float32 else values).astype(kind)


@pytest.mark.window
def test_sixteen_bits_are_kept_in_photoshops_range(photoshop):
    before = ramp(32768, np.uint16)
    document = filled(photoshop, before, bits=16)
    state = document.state()
    after = state["shown"][..., :3]
    assert (after[RIGHT] == before[RIGHT]).all()
    made = state["layers"][0]["pixels"]["data"]
    assert made.dtype == np.uint16 and made.max() <= 32768 and (made[..., 3] == 32768).all()
    assert len(np.unique(made[LEFT][..., :3])) > 2**12, "more than 12 bits of a gradient"
    assert photoshop.shim("log")["conversions"] == []


@pytest.mark.window
def test_thirty_two_bits_are_linear_and_may_be_bright(photoshop):
    before = ramp(1, np.float32)
    before[:8, 100:] = 4.5  # brighter than paper
    document = filled(photoshop, before, bits=32)
    after = document.shown()[..., :3]
    assert (after[RIGHT] == before[RIGHT]).all(), "also what is brighter than white"
    assert np.isfinite(after).all() and len(np.unique(after[LEFT])) > 2**12
    assert photoshop.shim("log")["conversions"] == []


@pytest.mark.window
@pytest.mark.parametrize(
    ("profile", "conversions"),
    [
        ("Adobe RGB (1998)", []),
        ("", []),
        (
            "Scanner 7",
            ["read Scanner 7 as sRGB IEC61966-2.1", "write sRGB IEC61966-2.1 as Scanner 7"],
        ),
    ],
)
def test_profiles_travel_or_photoshop_converts(photoshop, house, profile, conversions):
    document = filled(photoshop, house, profile=profile)
    assert (document.shown()[RIGHT][..., :3] == house[RIGHT]).all()
    assert document.state()["profile"] == profile
    assert photoshop.shim("log")["conversions"] == conversions


@pytest.mark.window
def test_what_is_transparent_is_read_where_it_is(photoshop, house):
    picture = np.dstack([house, np.zeros((128, 128), np.uint8)])
    picture[20:90, 30:120, 3] = 255
    document = photoshop.open(picture, alpha=True)
    document.do("activate", layers=[])
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "a house")
    photoshop.fill("sdedit.strength", 0.1)
    photoshop.settings()
    assert photoshop.generate().startswith("Placed")
    after = document.shown()
    apart = np.abs(after[30:80, 40:110, :3].astype(int) - house[30:80, 40:110]).mean()
    assert apart < 40, "it was not moved to a corner"


@pytest.fixture(scope="session")
def profile(tmp_path_factory):
    """Makes a profile with the panel's own code, in node."""
    if why := absent():
        pytest.skip(why)
    if not ESBUILD.exists():
        pytest.skip("esbuild absent: npm ci --prefix host_bridge/photoshop_plugin")
    made = tmp_path_factory.mktemp("icc") / "icc.mjs"
    source = ROOT / "host_bridge/photoshop_plugin/src/photoshop/icc_profile.ts"
    command = [str(ESBUILD), str(source), "--format=esm", f"--outfile={made}"]
    subprocess.run(command, check=True, capture_output=True)
    script = (
        f"import {{iccProfile}} from '{made.as_uri()}';"
        "const [name, linear] = process.argv.slice(1);"
        "process.stdout.write(Buffer.from(iccProfile(name, linear === 'linear')))"
    )
    words = ["node", "--input-type=module", "-e", script]

    def make(name, kind="own"):
        done = subprocess.run([*words, name, kind], capture_output=True, check=True)
        return ImageCms.ImageCmsProfile(io.BytesIO(done.stdout))

    return make


def converted(source, target, colours):
    image = Image.fromarray(np.array([colours], np.uint8))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    return np.asarray(ImageCms.profileToProfile(image, source, target, renderingIntent=intent))[0]


def test_profiles_that_are_written_mean_what_their_names_say(profile):
    srgb = ImageCms.createProfile("sRGB")
    colours = [(0, 0, 0), (255, 255, 255), (200, 30, 60), (18, 120, 230), (90, 90, 90)]
    assert (
        np.abs(converted(profile("sRGB IEC61966-2.1"), srgb, colours) - np.array(colours)).max()
        <= 1
    )
    greys = converted(profile("sRGB IEC61966-2.1", "linear"), srgb, [(55, 55, 55), (255,) * 3])
    assert np.abs(greys[0].astype(int) - 128).max() <= 1, "0.216 is the middle of sRGB"
    # pure green of Adobe RGB is outside of sRGB; its grey is that of a gamma of 2.2
    wide = converted(profile("Adobe RGB (1998)"), srgb, [(0, 255, 0), (128, 128, 128)])
    assert tuple(wide[0]) == (0, 255, 0) and np.abs(wide[1].astype(int) - 128).max() <= 1
    red = converted(srgb, profile("Display P3"), [(255, 0, 0)])[0].astype(int)
    assert np.abs(red - (234, 51, 35)).max() <= 2, "sRGB's red, as Display P3 writes it"
    photo = converted(srgb, profile("ProPhoto RGB"), [(255, 0, 0)])[0].astype(int)
    assert np.abs(photo - (179, 70, 26)).max() <= 3
