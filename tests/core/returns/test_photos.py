"""What we keep of a photo is upright, small and nothing but a picture."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from typing import Any

import pytest
from PIL import Image

from core.returns.photos.image import LONGEST_SIDE, MOST_KEPT_BYTES, clean_photo
from tests.core.returns.pictures import BLUE, GREEN, RED, WHITE, encoded, exif, kept, landscape, looks, png_chunk

# What is kept.


def test_a_phones_photo_is_turned_upright_and_forgets_where_it_was_taken() -> None:
    held_sideways = landscape().transpose(Image.Transpose.ROTATE_90)
    raw = encoded(held_sideways, "JPEG", exif=exif(orientation=6), comment=b"for Annika", quality=95)
    for trace in (b"Maker-of-phones", b"2026:11:18", b"for Annika"):
        assert trace in raw
    photo = clean_photo(raw)
    assert (photo.mime, photo.width, photo.height) == ("image/jpeg", 60, 40)
    assert [looks(photo, x, y) for x, y in ((0.2, 0.2), (0.8, 0.2), (0.5, 0.8))] == [RED, GREEN, BLUE]
    for trace in (b"Maker-of-phones", b"2026:11:18", b"for Annika", b"Exif"):
        assert trace not in photo.content
    again = kept(photo)
    assert dict(again.getexif()) == {}
    assert again.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
        (9, None),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_however_the_camera_was_held_the_photo_stands_upright(
    form: str, orientation: int, stored: Image.Transpose | None
) -> None:
    held = landscape() if stored is None else landscape().transpose(stored)
    photo = clean_photo(encoded(held, form, exif=exif(orientation), quality=95))
    assert (photo.width, photo.height) == (60, 40)
    assert [looks(photo, x, y) for x, y in ((0.2, 0.2), (0.8, 0.2), (0.5, 0.8))] == [RED, GREEN, BLUE]


def test_notes_nobody_can_read_leave_the_photo_as_it_is() -> None:
    raw = encoded(landscape(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)
    assert (clean_photo(raw).width, clean_photo(raw).height) == (60, 40)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_what_hides_in_or_behind_a_picture_does_not_come_along(form: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("payload.txt", "payload-in-a-zip")
    page = b"<html><script>alert('payload')</script></html>"
    options: dict[str, Any] = {"comment": page} if form == "JPEG" else {"exif": b"Exif\0\0" + page}
    raw = encoded(landscape(), form, icc_profile=b"payload-profile" * 10, **options) + page + archive.getvalue()
    assert zipfile.is_zipfile(io.BytesIO(raw))
    photo = clean_photo(raw)
    assert not zipfile.is_zipfile(io.BytesIO(photo.content))
    assert b"payload" not in photo.content
    assert b"<html" not in photo.content
    assert photo.content.endswith(b"\xff\xd9")
    assert "icc_profile" not in kept(photo).info


@pytest.mark.parametrize("size", [(4001, 3000), (3000, 4001), (2001, 1), (1, 9000), (6000, 8000)])
def test_a_large_photo_is_shrunk_in_proportion(size: tuple[int, int]) -> None:
    photo = clean_photo(encoded(Image.new("RGB", size, RED), "JPEG"))
    assert max(photo.width, photo.height) == LONGEST_SIDE
    wanted = [max(1, round(side * LONGEST_SIDE / max(size))) for side in size]
    assert [photo.width, photo.height] == pytest.approx(wanted, abs=1)
    assert looks(photo, 0.5, 0.5) == RED


def test_a_small_photo_keeps_its_size() -> None:
    photo = clean_photo(encoded(Image.new("RGB", (1, 3), GREEN)))
    assert (photo.width, photo.height) == (1, 3)


def test_a_photo_that_hardly_compresses_is_kept_at_a_lower_quality() -> None:
    dots = [Image.frombytes("1", (2000, 2000), random.Random(band).randbytes(500_000)).convert("L") for band in "rgb"]
    noise = Image.merge("RGB", dots)
    photo = clean_photo(encoded(noise))
    assert (photo.width, photo.height) == (2000, 2000)
    assert len(photo.content) <= MOST_KEPT_BYTES


def test_the_same_file_sent_twice_is_one_photo_and_another_is_another() -> None:
    first, second = encoded(landscape()), encoded(landscape(61))
    assert clean_photo(first) == clean_photo(first)
    assert clean_photo(first).digest != clean_photo(second).digest


# Kinds of pictures.


def test_what_is_transparent_becomes_white() -> None:
    glass = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    glass.paste((255, 0, 0, 255), (0, 0, 20, 20))
    palette = glass.quantize(8)
    gray = Image.new("L", (40, 20), 0)
    gray.paste(7, (20, 0, 40, 20))
    pictures = {
        "alpha": (encoded(glass), RED),
        "webp": (encoded(glass, "WEBP", lossless=True), RED),
        "palette with alpha": (encoded(palette), RED),
        "gray with one color that is none": (encoded(gray, transparency=7), (0, 0, 0)),
    }
    for name, (raw, left) in pictures.items():
        photo = clean_photo(raw)
        assert (looks(photo, 0.2, 0.5), looks(photo, 0.8, 0.5)) == (left, WHITE), name


def test_a_picture_of_printing_inks_looks_as_it_did() -> None:
    inks = Image.new("CMYK", (40, 20), (0, 255, 255, 0))
    inks.paste((255, 0, 255, 0), (20, 0, 40, 20))
    photo = clean_photo(encoded(inks, "JPEG", quality=95))
    assert (looks(photo, 0.2, 0.5), looks(photo, 0.8, 0.5)) == (RED, GREEN)


def test_sixteen_bits_of_gray_keep_their_shades() -> None:
    ramp = Image.frombytes("I;16", (256, 8), b"".join(struct.pack("<H", x * 257) for x in range(256)) * 8)
    picture = kept(clean_photo(encoded(ramp)))
    shades = [picture.convert("L").getpixel((x, 4)) for x in (0, 64, 128, 192, 255)]
    assert shades == pytest.approx([0, 64, 128, 192, 255], abs=4)


def test_sixteen_bits_of_each_color_are_read() -> None:
    rows = b"".join(b"\0" + struct.pack(">HHH", 65535, 0, 0) * 8 for _ in range(8))
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0))
    raw = b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    assert looks(clean_photo(raw), 0.5, 0.5) == RED


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_read(mode: str) -> None:
    assert clean_photo(encoded(Image.new(mode, (5, 4)))).mime == "image/jpeg"


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_kept(form: str) -> None:
    frames = [Image.new("RGB", (32, 24), color) for color in (RED, GREEN, BLUE)]
    raw = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100)
    assert getattr(Image.open(io.BytesIO(raw)), "n_frames", 1) == 3
    photo = clean_photo(raw)
    assert looks(photo, 0.5, 0.5) == RED
    assert getattr(kept(photo), "n_frames", 1) == 1


def test_a_photo_with_a_second_one_inside_is_one_photo() -> None:
    raw = encoded(landscape(), "MPO", save_all=True, append_images=[Image.new("RGB", (32, 24), RED)])
    photo = clean_photo(raw)  # as many phones write them: a JPEG with its depth or brightness behind it
    assert (photo.width, photo.height, photo.content.count(b"\xff\xd8\xff")) == (60, 40, 1)
