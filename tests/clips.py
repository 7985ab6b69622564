"""Videos as phones, camcorders and bad disks leave them: plain ones, with some bytes changed."""

import struct
from pathlib import Path

import numpy as np

from reading_faces.video import write_video

IN_MOOV = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def frame(number: int, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    """Return a frame `(h, w, 3) uint8` of noise, with a mark that moves two pixels a frame."""
    picture = np.random.default_rng(7).integers(0, 200, (*size, 3), dtype=np.uint8)
    picture[42:60, 10 + 2 * number : 28 + 2 * number] = 255
    return picture


def write_clip(path: Path, count: int = 30, rate: float = 10.0) -> Path:
    """Write a video whose frames all differ; each needs some 2 KB."""
    write_video(map(frame, range(count)), path, rate)
    return path


def insert(content: bytes, at: int, new: bytes, boxes: tuple) -> bytes:
    """Put bytes into an MP4 whose `moov` is its last box, and make those that hold them longer."""
    grown = bytearray(content[:at] + new + content[at:])
    for box in boxes:
        place = content.rindex(box) - 4
        size = struct.unpack_from(">I", content, place)[0]
        struct.pack_into(">I", grown, place, size + len(new))
    return bytes(grown)


def set_times(path: Path, runs: list[tuple[int, int]]) -> Path:
    """Give an MP4 a table of times: runs of so many frames, each shown for so many milliseconds."""
    content = bytearray(path.read_bytes())
    units, (scale,) = (
        sum(n * ms for n, ms in runs),
        struct.unpack_from(">I", content, content.rindex(b"mdhd") + 16),
    )
    for box, offset, unit in ((b"mdhd", 20, scale), (b"mvhd", 20, 1000), (b"tkhd", 24, 1000)):
        struct.pack_into(">I", content, content.rindex(box) + offset, units * unit // 1000)
    if (edits := content.rfind(b"elst")) > 0:
        struct.pack_into(">I", content, edits + 12, units)
    table = content.rindex(b"stts")
    assert struct.unpack_from(">I", content, table + 8) == (1,)
    struct.pack_into(">I", content, table + 8, len(runs))
    entries = b"".join(struct.pack(">II", n, ms * scale // 1000) for n, ms in runs)
    content[table + 12 : table + 20] = entries[:8]
    changed = insert(bytes(content), table + 20, entries[8:], (*IN_MOOV, b"stts"))
    path.write_bytes(changed)
    return path


def set_aspect(path: Path, wide: int, high: int) -> Path:
    """Say in an MP4 that its pixels are so wide and so high."""
    content = path.read_bytes()
    entry = content.rindex(b"mp4v") - 4
    end = entry + struct.unpack_from(">I", content, entry)[0]
    box = struct.pack(">I4sII", 16, b"pasp", wide, high)
    path.write_bytes(insert(content, end, box, (*IN_MOOV, b"stsd", b"mp4v")))
    return path


def turn(path: Path) -> Path:
    """Say in an MP4 that it is to be shown turned clockwise by 90 degrees, as phones do."""
    content = bytearray(path.read_bytes())
    one = 1 << 16
    matrix = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    start = content.rindex(b"tkhd") + 44
    content[start : start + 36] = matrix
    path.write_bytes(content)
    return path


def damage(path: Path, first: float, last: float, seed: int = 0) -> Path:
    """Replace a part of a file, from one share of its bytes to another, by noise."""
    content = bytearray(path.read_bytes())
    part = slice(int(first * len(content)), int(last * len(content)))
    content[part] = np.random.default_rng(seed).bytes(part.stop - part.start)
    path.write_bytes(content)
    return path
