"""Pictures in sixteen colours: the same picture for the eye, small enough for a card."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from forecaster import chart
from forecaster.channels._small_png import SIGNATURE, small_png
from tests.channels.notices import CHART


def written(pixels: np.ndarray, filters: list[int], depth: int = 8, interlaced: int = 0) -> bytes:
    """A PNG of RGB or RGBA pixels, its rows filtered as asked for."""
    height, width, channels = pixels.shape
    rows = []
    for y, kind in enumerate(filters):
        left = np.vstack([np.zeros((1, channels), np.uint8), pixels[y, :-1]])
        above = pixels[y - 1] if y else np.zeros_like(pixels[0])
        row = pixels[y] - {0: 0, 1: left, 2: above, 4: 0}[kind]
        rows.append(bytes([kind]) + row.astype(np.uint8).tobytes())
    header = struct.pack(">IIBBBBB", width, height, depth, {3: 2, 4: 6}[channels], 0, 0, interlaced)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def read(picture: bytes) -> np.ndarray:
    """The colours of a PNG with a palette of sixteen."""
    chunks, at = {}, len(SIGNATURE)
    while at < len(picture):
        size, name = struct.unpack_from(">I4s", picture, at)
        chunks[name] = picture[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", picture, at + 8 + size)[0] == zlib.crc32(name + chunks[name])
        at += size + 12
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, kind) == (4, 3)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)[:, 1:]
    indices = np.stack([rows >> 4, rows & 15], axis=2).reshape(height, -1)[:, :width]
    return np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)[indices]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("width", [7, 8])
def test_a_picture_of_few_colours_stays_as_it_is(channels, width):
    rng = np.random.default_rng(3)
    colours = rng.integers(0, 256, (16, channels), dtype=np.uint8)
    pixels = colours[rng.integers(0, 16, (6, width))]
    assert (read(small_png(written(pixels, [0, 1, 2, 2, 1, 0]))) == pixels[..., :3]).all()


def test_a_picture_of_many_colours_keeps_the_common_ones_and_is_near_elsewhere():
    rng = np.random.default_rng(5)
    pixels = np.full((40, 40, 3), 255, np.uint8)
    pixels[10:20] = (0, 114, 178)
    pixels[30, :] = rng.integers(0, 256, (40, 3))
    shown = read(small_png(written(pixels, [1] * 40))).astype(int)
    assert (shown[:30] == pixels[:30]).all()
    assert np.abs(shown[30] - pixels[30]).mean() < 40


def test_a_chart_becomes_a_sixth_of_its_size_and_looks_the_same():
    picture = chart.png(CHART)
    small = small_png(picture)
    assert len(small) < len(picture) / 6
    assert small_png(picture) == small
    shown = read(small)
    assert shown.shape == (960, 1800, 3)
    seen = set(np.unique(shown.astype(int) @ (1 << 16, 1 << 8, 1)))
    assert {0xFFFFFF, 0x1A1A1A, 0x0072B2} <= seen


@pytest.mark.parametrize("wrong", [{"filters": [4, 0]}, {"depth": 16}, {"interlaced": 1}])
def test_what_cannot_be_read_is_said(wrong):
    asked = {"filters": [0, 0]} | wrong
    with pytest.raises(ValueError, match="cannot be made smaller"):
        small_png(written(np.zeros((2, 2, 3), np.uint8), **asked))
