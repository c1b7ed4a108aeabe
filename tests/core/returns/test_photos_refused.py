"""Photos from strangers: what we refuse costs little, says why, and nothing else ever happens."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.i18n.words import Words, languages
from core.returns.photos.image import LONGEST_SIDE, MOST_BYTES, BadPhoto, clean_photo, sentence
from tests.core.returns.pictures import RED, encoded, exif, giant_webp, kept, landscape, png_of

CODES = ("too_large", "not_a_photo", "too_many_pixels", "broken")
EXAMPLES = 3000 if os.environ.get("LONG") else 150


def refusal(raw: bytes) -> str:
    with pytest.raises(BadPhoto) as caught:
        clean_photo(raw)
    return caught.value.code


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0",
        b"\xff\xd8",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a/*" + encoded(Image.new("RGB", (4, 4)), "JPEG"),
        encoded(Image.new("RGB", (4, 4)), "GIF"),
        encoded(Image.new("RGB", (4, 4)), "BMP"),
        encoded(Image.new("RGB", (4, 4)), "TIFF"),
        encoded(Image.new("RGB", (4, 4)), "ICO"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n",
        b"PK\x03\x04" + encoded(Image.new("RGB", (4, 4)), "PNG"),
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    ],
    ids="nothing NUL start svg pdf html gif-and-jpeg gif bmp tiff ico eps zip-and-png heic".split(),
)
def test_what_is_no_jpeg_png_or_webp_is_not_read(raw: bytes) -> None:
    assert refusal(raw) == "not_a_photo"


def test_a_body_of_fifty_megabytes_is_refused_unread() -> None:
    photo = encoded(landscape(), "JPEG")
    assert clean_photo(photo + bytes(MOST_BYTES - len(photo)))
    assert refusal(photo + bytes(MOST_BYTES + 1 - len(photo))) == "too_large"
    assert refusal(bytes(50 * 1024 * 1024)) == "too_large"


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (60_000, 60_000, "too_many_pixels"),
        (10_000, 10_000, "too_many_pixels"),
        (7072, 7071, "too_many_pixels"),
        (7071, 7071, "broken"),  # a little less than fifty megapixels, but its rows are missing
    ],
)
def test_a_picture_of_too_many_pixels_is_refused(width: int, height: int, code: str) -> None:
    raw = png_of(width, height)
    assert len(raw) < 200
    assert refusal(raw) == code


BOMBS = """
import resource, sys
from core.returns.photos.image import BadPhoto, clean_photo
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        clean_photo(open(name, "rb").read())
    except BadPhoto as error:
        print(error.code)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_bombs_cost_no_memory(tmp_path: Path) -> None:
    bombs = {
        "png": png_of(60_000, 60_000),
        "warned of": png_of(10_000, 10_000),
        "wide": png_of(2**31 - 1, 1),
        "webp": giant_webp(16_000, 16_000),
    }
    for name, raw in bombs.items():
        (tmp_path / name).write_bytes(raw)
    # In a process of its own, whose peak is nobody else's.
    command = [sys.executable, "-c", BOMBS, *(str(tmp_path / name) for name in bombs)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    said = ended.stdout.split()
    assert ended.stderr == "", "Pillow's warnings of bombs are errors"
    assert said[:-1] == ["too_many_pixels"] * len(bombs)
    assert int(said[-1]) < 50, "megabytes; a canvas alone would be 400 to 3600"


def test_a_jpeg_of_scans_without_end_is_refused_at_once() -> None:
    raw = encoded(Image.new("RGB", (4000, 4000), RED), "JPEG", progressive=True)
    last = raw.rindex(b"\xff\xda")
    assert clean_photo(raw)
    assert refusal(raw[:last] + raw[last:-2] * 5000 + raw[-2:]) == "broken"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_photo_that_arrived_in_part_is_broken(form: str, part: float) -> None:
    noise = Image.frombytes("RGB", (200, 200), random.Random(1).randbytes(120_000))
    raw = encoded(noise, form)
    assert refusal(raw[: int(len(raw) * part)]) in ("broken", "not_a_photo")
    if form != "WEBP":  # of a WebP the head says how long it is: cut, it is none
        assert refusal(raw[: int(len(raw) * part)]) == "broken"


SEEDS = [encoded(landscape(), form, exif=exif(6)) for form in ("JPEG", "PNG", "WEBP")]
SEEDS += [encoded(landscape(), "JPEG", progressive=True), encoded(landscape().quantize(16)), png_of(64, 64)]
SEEDS += [encoded(landscape(), "MPO", save_all=True, append_images=[landscape()]), giant_webp(64, 64)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    raw=st.binary(max_size=400)
    | st.builds(
        lambda seed, cuts: bytes(byte ^ cuts.get(place, 0) for place, byte in enumerate(seed)),
        st.sampled_from(SEEDS),
        st.dictionaries(st.integers(0, 1500), st.integers(1, 255), max_size=6),
    )
    | st.builds(lambda seed, start, junk: seed[:start] + junk, st.sampled_from(SEEDS), st.integers(0, 900), st.binary())
)
def test_whatever_is_sent_is_a_photo_or_a_bad_photo(raw: bytes) -> None:
    try:
        photo = clean_photo(raw)
    except BadPhoto as error:
        assert error.code in CODES  # noqa: PT017 - a good photo is as welcome
    else:
        assert kept(photo).format == "JPEG"
        assert max(photo.width, photo.height) <= LONGEST_SIDE


# What the shopper is told.


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_refusal_is_a_sentence_in_the_shoppers_language(language: str) -> None:
    told = [sentence(Words(language), code) for code in CODES]
    assert len(set(told)) == len(CODES)
    assert "12" in told[0]
    assert "50" in told[2]
    if language != "en":
        assert not set(told) & {sentence(Words("en"), code) for code in CODES}
