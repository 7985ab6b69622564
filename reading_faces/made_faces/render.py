"""From surfaces to a picture: turn them, see which is in front at each pixel, and light it.

A z-buffer in NumPy. Each sheet is sampled so densely that no pixel is missed; at each pixel the
sample nearest to us wins; only then are texture, normal and light looked up, once a pixel.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from reading_faces.made_faces.sheets import Sheet

PIVOT = np.array([0.0, 22.0, -42.0])  # the head turns about here, in face units
SHADOW_CELL = 2.0  # face units, as wide as the sheets' own cells
_SHADOW_SIDE = 150  # cells; what is further out casts no shadow
_DEPTH_STEPS, _DEPTH_RANGE = 1 << 20, 1000.0
_INDEX_BITS = 26


@dataclass(frozen=True)
class View:
    """How a head is turned and where it is seen."""

    yaw: float  # degrees, positive to the right of the picture
    pitch: float  # degrees, positive down
    roll: float  # degrees, positive clockwise
    distance: float  # from the camera to the face in face units, about 1.7 mm each
    zoom: float  # pixels a face unit
    centre: tuple[float, float]  # pixels where the middle of the eyes would be, were it not turned

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Turn points `(..., 3)` of the head about its pivot: yaw first, then pitch, then roll."""
        angles = self.roll, -self.pitch, self.yaw
        matrix = Rotation.from_euler("ZXY", angles, degrees=True).as_matrix()
        pivot = PIVOT.astype(points.dtype)
        moved = rotate(np.moveaxis(points - pivot, -1, 0), matrix)
        return np.stack(moved, axis=-1) + pivot

    def project(self, turned: np.ndarray) -> np.ndarray:
        """Return where turned points are seen: x and y in pixels, and their depth `(..., 3)`."""
        nearer = self.zoom * self.distance / (self.distance - turned[..., 2])
        x, y = (self.centre[i] + nearer * turned[..., i] for i in (0, 1))
        return np.stack([x, y, turned[..., 2]], axis=-1)


@dataclass(frozen=True)
class Light:
    """One lamp and what the surroundings reflect."""

    direction: np.ndarray  # (3,) towards the lamp, of length 1
    key: np.ndarray  # (3,) linear red, green, blue of the lamp
    ambient: np.ndarray  # (3,) the same of the surroundings


def rotate(points: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
    """Apply a matrix to x, y and z `(3, ...)`; by sums, as BLAS rounds otherwise elsewhere."""
    x, y, z = points
    return [a * x + b * y + c * z for a, b, c in matrix.astype(points.dtype)]


def render(
    sheets: list[Sheet], view: View, light: Light, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw surfaces.

    Returns the picture `(h, w, 3) float32` in linear light, and its depth `(h, w) float32`: z of
    what is seen, -inf where nothing is.
    """
    width, height = size
    surfaces = [surface for sheet in sheets if (surface := Surface.of(sheet, view, size))]
    winners = np.full(width * height, -1, np.int64)
    for number, surface in enumerate(surfaces):
        splat(number, surface, winners, width, height)
    close_gaps(winners.reshape(height, width))
    number = np.where(winners < 0, -1, (winners >> _INDEX_BITS) & 63)
    winners &= (1 << _INDEX_BITS) - 1
    seen = np.zeros((10, height * width), np.float32)
    for i, surface in enumerate(surfaces):
        pixels = np.flatnonzero(number == i)
        if pixels.size:
            seen[:, pixels] = look_up(surface, winners[pixels])
    seen = seen.reshape(10, height, width)
    shadows = shadow_map(surfaces, light)
    picture = illuminate(seen, light, shadows, soft=int(1.2 * view.zoom) * 2 + 3)
    return picture, np.where(number.reshape(height, width) < 0, np.float32(-np.inf), seen[8])


@dataclass(frozen=True)
class Surface:
    """The part of a sheet that may be seen, its points turned."""

    sheet: Sheet
    seen: np.ndarray  # (r, c, 3) the points as projected
    grid: tuple[int, int]  # into how many samples each row and each column is divided

    @classmethod
    def of(cls, sheet: Sheet, view: View, size: tuple[int, int]) -> "Surface | None":
        """Turn and project a sheet; None if it is all outside the picture."""
        turned = view.turn(sheet.points)
        seen = view.project(turned)
        margin = 6 * view.zoom
        near = (seen[..., 0] > -margin) & (seen[..., 0] < size[0] + margin)
        near &= (seen[..., 1] > -margin) & (seen[..., 1] < size[1] + margin) & (sheet.cover > -6)
        ys, xs = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if ys.size < 2 or xs.size < 2:
            return None
        part = np.s_[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
        place, cover = sheet.place[part], sheet.cover[part]
        sheet = replace(sheet, points=turned[part], place=place, cover=cover)
        return cls(sheet, seen[part], sampling(seen[part]))

    def dense(self, values: np.ndarray) -> np.ndarray:
        """Return values `(r, c, ...)` at every sample."""
        size = values.shape[1] * self.grid[1], values.shape[0] * self.grid[0]
        return cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)


def sampling(seen: np.ndarray) -> tuple[int, int]:
    """Return into how many samples each row and column of a sheet must be divided."""
    factors = []
    for axis in (0, 1):
        every_other = seen[:, ::2, :2] if axis == 0 else seen[::2, :, :2]
        steps = np.abs(np.diff(every_other, axis=axis)).max(axis=-1).ravel()
        # The few widest cells are at the back or the rim; gaps there are closed later.
        most = int(0.985 * steps.size)
        factors.append(max(1, int(np.ceil(np.partition(steps, most)[most] / 0.95))))
    return tuple(factors)


def splat(number: int, surface: Surface, winners: np.ndarray, width: int, height: int) -> None:
    """Let every sample of a surface compete for its pixel."""
    x, y, near = (surface.dense(plane) for plane in cv2.split(surface.seen))
    # Rounded down after adding a half: faster than rounding, and the same.
    x, y = (x + np.float32(0.5)).ravel(), (y + np.float32(0.5)).ravel()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = np.flatnonzero(inside & (surface.dense(surface.sheet.cover) > 0).ravel())
    pixel = y[index].astype(np.int64) * width + x[index].astype(np.int64)
    near = (near.ravel()[index] + _DEPTH_RANGE / 2) * (_DEPTH_STEPS / _DEPTH_RANGE)
    key = (near.astype(np.int64) << (_INDEX_BITS + 6)) | (number << _INDEX_BITS) | index
    np.maximum.at(winners, pixel, key)


def close_gaps(winners: np.ndarray) -> None:
    """Fill single pixels that no sample hit, between others that were, from a neighbour."""
    inner = winners[1:-1, 1:-1]
    around = winners[:-2, 1:-1], winners[2:, 1:-1], winners[1:-1, :-2], winners[1:-1, 2:]
    hits = sum((side >= 0).view(np.uint8) for side in around)
    gap = (inner < 0) & (hits >= 3)
    inner[gap] = np.max([side[gap] for side in around], axis=0)


def look_up(surface: Surface, index: np.ndarray) -> np.ndarray:
    """Return colour, normal, position and shine of samples of a surface, `(10, n) float32`."""
    # OpenCV wants a picture to fill, so the list of samples is laid out as one, 256 wide.
    wide = np.zeros((-(-index.size // 256), 256), np.int64)
    wide.ravel()[: index.size] = index
    samples = surface.seen.shape[1] * surface.grid[1]
    row = ((wide // samples + 0.5) / surface.grid[0] - 0.5).astype(np.float32)
    column = ((wide % samples + 0.5) / surface.grid[1] - 0.5).astype(np.float32)

    def read(values, x, y):
        return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    texture = read(surface.sheet.texture, read(surface.sheet.place, column, row), None)
    points = surface.sheet.points
    parts = [texture, *(read(values, column, row) for values in (normals(points), points))]
    planes = [plane.ravel()[: index.size] for part in parts for plane in cv2.split(part)]
    return np.stack([*planes, np.full(index.size, surface.sheet.shine, np.float32)])


def illuminate(seen: np.ndarray, light: Light, shadows: np.ndarray, soft: int) -> np.ndarray:
    """Light what each pixel shows `(10, h, w)`; return linear light `(h, w, 3) float32`."""
    normal, position = seen[3:6], seen[6:9]
    lamp = light.direction.astype(np.float32)
    halfway = lamp + np.array([0, 0, 1], np.float32)
    halfway /= np.sqrt((halfway**2).sum())
    slant, gloss = rotate(normal, np.stack([lamp, halfway]))
    open_to_lamp = in_light(shadows, position, slant, light, soft)
    # Light enters skin and comes out beside where it went in: the edge of the shadow is soft.
    diffuse = np.clip((slant + 0.2) / 1.2, 0, 1) * open_to_lamp
    sky = 0.75 - 0.25 * normal[1]
    gloss = np.square(np.square(np.square(np.clip(gloss, 0, 1)))) ** 3 * open_to_lamp * seen[9]
    channels = [
        np.square(albedo) * (diffuse * np.float32(key) + sky * np.float32(ambient))
        + gloss * np.float32(0.22 * key)
        for albedo, key, ambient in zip(seen[:3], light.key, light.ambient, strict=True)
    ]
    return cv2.merge(channels)


def normals(points: np.ndarray) -> np.ndarray:
    """Return the normal of each point of a sheet, towards us, `(r, c, 3) float32`."""
    (ax, ay, az), (bx, by, bz) = (cv2.split(np.gradient(points, axis=axis)) for axis in (1, 0))
    normal = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])
    length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + np.float32(1e-9)
    return cv2.merge(list(normal / np.where(normal[2] < 0, -length, length)))


def lamp_axes(light: Light) -> np.ndarray:
    """Return the axes `(3, 3)` of the lamp's view: across, along, towards it."""
    across = np.cross([0.0, 1.0, 0.0], light.direction)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(light.direction, across), light.direction])


def shadow_map(surfaces: list[Surface], light: Light) -> np.ndarray:
    """Return how near to the lamp the nearest surface is, seen from the lamp."""
    nearest = np.full(_SHADOW_SIDE**2, -1e4, np.float32)
    axes = lamp_axes(light)
    for sheet in (surface.sheet for surface in surfaces if surface.sheet.casts_shadow):
        across, along, near = rotate(sheet.points[sheet.cover > 0].T, axes)
        column, row = shadow_place(across), shadow_place(along)
        cell = (row + np.float32(0.5)).astype(int) * _SHADOW_SIDE + (column + 0.5).astype(int)
        np.maximum.at(nearest, cell, near)
    nearest = nearest.reshape(_SHADOW_SIDE, _SHADOW_SIDE)
    # A cell that no point fell into takes its neighbours' depth.
    return np.where(nearest < -9e3, cv2.dilate(nearest, np.ones((3, 3))), nearest)


def shadow_place(at: np.ndarray) -> np.ndarray:
    """Return the column or the row of the shadow map, with fractions."""
    return np.clip(at / np.float32(SHADOW_CELL) + _SHADOW_SIDE // 2, 0, _SHADOW_SIDE - 1)


def in_light(
    shadows: np.ndarray, position: np.ndarray, slant: np.ndarray, light: Light, soft: int
) -> np.ndarray:
    """Return how much of the lamp each position `(3, h, w)` sees, 0 to 1.

    `soft` is the width of the shadow's edge in pixels.
    """
    across, along, near = rotate(position, lamp_axes(light))
    blocker = cv2.remap(shadows, shadow_place(across), shadow_place(along), cv2.INTER_LINEAR)
    # Where light falls slantwise, neighbouring cells differ in depth: leave them more room.
    free = np.clip((near + 4 + 4 * (1 - slant) - blocker) / 3, 0, 1)
    return cv2.blur(free, (soft, soft))
