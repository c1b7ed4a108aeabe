"""Pictures as files, such as phones and strangers send them, and a look at what became of them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

from core.returns.photos.image import Photo

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def landscape(width: int = 60, height: int = 40) -> Image.Image:
    """A picture whose top left corner is red, and its top right one green."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    return image


def exif(orientation: int = 1) -> Image.Exif:
    """What a phone writes down: who made it, how it was held, and where its owner stood."""
    notes = Image.Exif()
    notes[0x010F] = "Maker-of-phones"
    notes[0x0112] = orientation
    notes[0x8825] = {1: "N", 2: (54.0, 41.0, 13.5), 3: "E", 4: (25.0, 16.0, 47.5), 29: "2026:11:18"}
    return notes


def kept(photo: Photo) -> Image.Image:
    """What became of it, decoded."""
    return Image.open(io.BytesIO(photo.content))


def looks(photo: Photo, x: float, y: float) -> tuple[int, ...]:
    """The color at a place given in parts of width and height, its channels rounded to none, half or full."""
    color = kept(photo).getpixel((int(x * photo.width), int(y * photo.height)))
    assert isinstance(color, tuple)
    return tuple(round(channel / 127.5) * 255 // 2 for channel in color)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that says it is this large: one bit a pixel, and rows of zeros without end."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", zlib.compress(bytes(10_000))) + png_chunk(b"IEND", b"")


def giant_webp(width: int, height: int) -> bytes:
    """An animation of one small picture, on a canvas that says it is this large."""
    picture = encoded(Image.new("RGB", (4, 4)), "WEBP")[12:]
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = bytes(6) + (3).to_bytes(3, "little") * 2 + bytes([100, 0, 0, 0]) + picture
    chunks = ((b"VP8X", bytes([2, 0, 0, 0]) + sides), (b"ANIM", bytes(6)), (b"ANMF", frame))
    body = b"WEBP" + b"".join(name + struct.pack("<I", len(chunk)) + chunk for name, chunk in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body
