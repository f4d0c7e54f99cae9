"""A chart's picture in sixteen colours: a tenth of the size, which fits into a Teams card and loads on a phone.

A chart has few colours and the shades between them; a palette of its own loses nothing that the eye sees. PNG as in
the W3C recommendation (second edition), sections 9 (filters) and 11.2 (chunks).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS, COMMON = 16, 8  # of the palette, and how many of them are the most frequent ones as they are
CHANNELS = {2: 3, 6: 4}  # by colour type: RGB, RGB with opacity
Bytes = NDArray[np.uint8]


def small_png(picture: bytes) -> bytes:
    """Returns the same picture with a palette of 16 colours; opacity is dropped, charts have none.

    Raises ValueError for a PNG that is not 8 bits a channel in RGB or RGBA, not interlaced.
    """
    pixels = _pixels(picture)
    height, width, _ = pixels.shape
    packed = pixels[..., :3].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours, where, counts = np.unique(packed, return_inverse=True, return_counts=True)
    rgb = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(float)
    palette = _palette(rgb, counts)
    nearest = _distances(rgb, palette).argmin(axis=1).astype(np.uint8)
    return _written(nearest[where.reshape(height, width)], palette.astype(np.uint8), width)


def _palette(rgb: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The most frequent colours, then whatever is farthest from those chosen, weighed by how much of it there is."""
    chosen = list(np.argsort(-counts, kind="stable")[:COMMON])
    left = _distances(rgb, rgb[chosen]).min(axis=1)
    while len(chosen) < COLOURS and left.any():
        chosen.append(int(np.argmax(left * np.sqrt(counts))))
        left = np.minimum(left, _distances(rgb, rgb[chosen[-1:]])[:, 0])
    return rgb[chosen]


def _distances(rgb: NDArray[np.float64], palette: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = ((rgb[:, None] - palette[None]) ** 2).sum(axis=2)
    return distances


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(picture):
        size, name = struct.unpack_from(">I4s", picture, at)
        yield name, picture[at + 8 : at + 8 + size]
        at += size + 12


def _pixels(picture: bytes) -> Bytes:
    """Height x width x channels."""
    chunks = list(_chunks(picture))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    if depth != 8 or kind not in CHANNELS or interlaced:
        raise ValueError("a picture in this form of PNG cannot be made smaller")
    data = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
    rows = np.frombuffer(data, np.uint8).reshape(height, 1 + width * CHANNELS[kind])
    return _unfiltered(rows[:, 0], rows[:, 1:].reshape(height, width, CHANNELS[kind]))


def _unfiltered(filters: Bytes, rows: Bytes) -> Bytes:
    """Each row is kept as it is (0), or as the difference to its left (1) or upper (2) neighbours, modulo 256."""
    if filters.max(initial=0) > 2:
        raise ValueError("a picture with these filters cannot be made smaller")
    pixels = np.where((filters == 1)[:, None, None], np.cumsum(rows, axis=1, dtype=np.uint8), rows)
    for y in np.flatnonzero(filters == 2):
        pixels[y] += pixels[y - 1] if y else 0
    return pixels


def _written(indices: Bytes, palette: Bytes, width: int) -> bytes:
    """Two pixels a byte."""
    height = len(indices)
    even = np.pad(indices, ((0, 0), (0, width % 2)))
    rows = np.pad(even[:, ::2] << 4 | even[:, 1::2], ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    content = zlib.compress(rows.tobytes(), 9)
    parts = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", content), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(*part) for part in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
