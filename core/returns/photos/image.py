"""Check a shopper's photo, turn it upright and encode it anew, without metadata.

Whatever travelled with the picture (place, camera, comments, a second file behind the end) is not copied: the result
is a new JPEG made from pixels alone.
"""

from __future__ import annotations

import hashlib
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin

from core.i18n.words import Words

MOST_BYTES = 12 * 1024 * 1024
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 2000
"""Pixels of the longer side of what we keep."""
MOST_KEPT_BYTES = 3 * 1024 * 1024
MOST_SCANS = 64
"""Encoders write about ten scans; each costs the decoder a walk over the whole picture, in as few as sixty bytes."""

# Named by their modules: for a format Pillow has not loaded yet, `open` would load all of them (13.0, 2026-10).
_READERS = (JpegImagePlugin.JpegImageFile, PngImagePlugin.PngImageFile, WebPImagePlugin.WebPImageFile)
_FORMATS = tuple(reader.format for reader in _READERS)
_GARBLED = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, SyntaxError, TypeError),
    *(ValueError, struct.error, zlib.error),
)
"""What Pillow's readers let through when a file is not what it says (13.0, 2026-10)."""
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag Orientation → what turns the picture upright."""
_QUALITIES = (85, 70, 50)
_ONE_AT_A_TIME = threading.Lock()
"""A picture of MOST_PIXELS takes up to 0.8 GB while it is shrunk, and a web process has 64 threads."""

warnings.simplefilter("error", Image.DecompressionBombWarning)


class BadPhoto(Exception):
    """This is not kept. `code` is too_large, not_a_photo, too_many_pixels or broken; `sentence` puts it into words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo fit to be kept and shown; `digest` is that of its content, the same for the same file sent twice."""

    content: bytes
    mime: str
    width: int
    height: int
    digest: str


def clean_photo(raw: bytes) -> Photo:
    """Draw a JPEG, PNG or WebP file anew as an upright JPEG of at most LONGEST_SIDE pixels and MOST_KEPT_BYTES.

    Of an animation the first picture is taken; what is transparent becomes white. Raises BadPhoto, and nothing else,
    whatever the bytes are.
    """
    if len(raw) > MOST_BYTES:
        raise BadPhoto("too_large")
    with _ONE_AT_A_TIME:
        picture = _draw_anew(_open(raw))
    content = _encode(picture)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return Photo(content, "image/jpeg", picture.width, picture.height, digest)


def sentence(words: Words, code: str) -> str:
    """Say to the shopper why a photo was not taken, and what to do. Raises KeyError for a code that is not ours."""
    say = words.pgettext
    return {
        "too_large": say("widget", "This photo is too large. Choose one of at most %(n)s MB.", n=MOST_BYTES >> 20),
        "not_a_photo": say("widget", "We can't read this file as a photo. Choose a JPEG, PNG or WebP picture."),
        "too_many_pixels": say(
            "widget",
            "This photo has too many pixels. Choose one of at most %(n)s megapixels.",
            n=MOST_PIXELS // 1_000_000,
        ),
        "broken": say("widget", "This photo arrived incomplete or damaged. Send it again, or choose another one."),
    }[code]


def _open(raw: bytes) -> Image.Image:
    """Read the head of a file, and nothing behind it. Raises BadPhoto."""
    if raw.startswith(b"\xff\xd8") and raw.count(b"\xff\xda") > MOST_SCANS:
        raise BadPhoto("broken")
    try:
        image = Image.open(BytesIO(raw), formats=_FORMATS)
    except UnidentifiedImageError:
        raise BadPhoto("not_a_photo") from None
    except _BOMBS:
        raise BadPhoto("too_many_pixels") from None
    except _GARBLED:
        raise BadPhoto("broken") from None
    if image.width * image.height > MOST_PIXELS:
        raise BadPhoto("too_many_pixels")
    return image


def _draw_anew(image: Image.Image) -> Image.Image:
    """Decode, shrink, turn and flatten. Raises BadPhoto."""
    box = (LONGEST_SIDE, LONGEST_SIDE)
    try:
        image.draft(None, box)  # of a JPEG libjpeg decodes no more than every second, fourth or eighth pixel
        image.load()
        turn = _turn_of(image)
        small = _in_true_color(image)
        small.thumbnail(box, Image.Resampling.LANCZOS)
        upright = small.transpose(turn) if turn is not None else small
        picture = Image.new("RGB", upright.size, "white")
        picture.paste(upright, mask=upright if upright.mode == "RGBA" else None)
    except _GARBLED:
        raise BadPhoto("broken") from None
    return picture


def _turn_of(image: Image.Image) -> Image.Transpose | None:
    """Read how the camera was held; None where that cannot be read: a photo is not broken by its notes."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except _GARBLED:
        return None


def _in_true_color(image: Image.Image) -> Image.Image:
    """Give the picture as RGB, or RGBA where some of it may be transparent."""
    if image.mode.startswith("I"):  # 16 bits of gray; `convert` would cut off what is lighter than 255 (13.0, 2026-10)
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _encode(picture: Image.Image) -> bytes:
    for quality in _QUALITIES:
        content = BytesIO()
        picture.save(content, "JPEG", quality=quality, optimize=True, progressive=True)
        if content.tell() <= MOST_KEPT_BYTES:
            break
    return content.getvalue()
