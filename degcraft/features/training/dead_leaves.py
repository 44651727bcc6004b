"""Procedural clean images: shapes that lie over one another like dead leaves on the ground.

Shapes of power-law sizes that occlude each other have the edges, the scale invariance and the power spectrum
of natural images (A. Lee, D. Mumford and J. Huang, "Occlusion models for natural images", IJCV 2001), and
nothing else: no camera, no compression, no noise. Large smooth areas, soft edges, shading, texture, strokes
and letters are added here, because degradations look different on each of them.
"""

import string
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

OVERSAMPLING = 2
"""Images are drawn this much larger and reduced by averaging, so that edges carry no stairs."""
_SHIFT = 4
"""Bits behind the point of OpenCV's coordinates."""
_CORNERS = 24
"""Points on an outline: a multiple of 3, 4 and 6, so that regular polygons keep their corners."""
_ANGLES = np.arange(_CORNERS) * (2 * np.pi / _CORNERS)
_COLOURS = 12
_MAX_LEAVES = 900
_MAX_RICH = 30
_LETTERS = np.array(list(string.ascii_letters + string.digits + "&%?!"))

Pixels = NDArray[np.uint8]


def draw_dead_leaves(side: int, random: np.random.Generator) -> Pixels:
    """A clean image that owes nothing to any photograph: (side, side, 3) uint8 RGB, the side at least 16 pixels."""
    wide = OVERSAMPLING * side
    palette = _palette(random)
    # What is smooth, and grain no finer than a pixel of the finished image, is made at its size.
    texture = _texture(side, random)
    canvas = _enlarged(_ground(side, palette, texture, random))
    texture = _enlarged(texture)
    outlines, radii = _leaves(wide, random)
    colours = _shades(palette, len(radii), random)
    rich = (radii > 8 * OVERSAMPLING) & (random.random(len(radii)) < 0.5)
    rich[np.flatnonzero(rich)[_MAX_RICH:]] = False
    strokes = random.random(len(radii)) < random.choice([0.0, 0.03, 0.3], p=[0.4, 0.4, 0.2])
    points = np.rint(outlines * 2**_SHIFT).astype(np.int32)
    for index, colour in enumerate(colours.tolist()):
        if strokes[index]:
            _stroke(canvas, points[index], radii[index], colour, random)
        elif rich[index]:
            _rich_leaf(canvas, outlines[index], colour, texture, random)
        else:
            cv2.fillPoly(canvas, [points[index]], colour, cv2.LINE_AA, _SHIFT)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _palette(random: np.random.Generator) -> NDArray[np.float64]:
    """(n,3) colours of one scene in [0,1]: log-normal brightness under one light, little saturation."""
    brightness = np.exp(random.normal(random.normal(-1.6, 0.4), 0.9, (_COLOURS, 1)))
    tint = np.exp(random.normal(0, 0.1, 3) + random.normal(0, random.uniform(0.02, 0.35), (_COLOURS, 3)))
    # From light to the values a file holds; sRGB's curve is close to a square root.
    return np.sqrt(np.clip(brightness * tint, 0.0005, 1))


def _shades(palette: NDArray[np.float64], count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """(count,3) 8-bit colours near those of the palette."""
    chosen = palette[random.integers(len(palette), size=count)]
    return np.clip(255 * chosen * np.exp(random.normal(0, 0.12, (count, 1))), 0, 255)


def _texture(side: int, random: np.random.Generator) -> Pixels:
    """(side, side) around 128: a weave, or noise of several octaves, whose roughness differs from image to image."""
    if random.random() < 0.15:
        y, x = np.ogrid[:side, :side]
        period, angle = random.uniform(3, 20), random.uniform(0, np.pi)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period))
        return (128 + 50 * wave).astype(np.uint8)
    persistence = random.uniform(0.35, 0.85)
    total = np.zeros((side, side), np.float32)
    cells, amplitude = 4, 1.0
    while cells <= side:
        grid = random.integers(-128, 128, (cells, cells), dtype=np.int8).astype(np.float32)
        total += cv2.resize(grid * np.float32(amplitude), (side, side), interpolation=cv2.INTER_CUBIC)
        cells, amplitude = cells * 2, amplitude * persistence
    return _levels(total * np.float32(40 / max(float(total[::5, ::5].std()), 1e-6)) + 128)


def _ground(side: int, palette: NDArray[np.float64], texture: Pixels, random: np.random.Generator) -> Pixels:
    """(side, side, 3): a smooth run of colours, sometimes textured."""
    cells = int(random.integers(1, 4))
    grid = _shades(palette, cells * cells, random).reshape(cells, cells, 3).astype(np.float32)
    grid = grid[0, 0] + (grid - grid[0, 0]) * np.float32(random.uniform(0, 1))
    canvas = cv2.resize(grid, (side, side), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.4:
        canvas += (texture.astype(np.float32) - 128)[..., None] * np.float32(random.uniform(0, 0.5))
    return _levels(canvas)


def _enlarged(pixels: Pixels) -> Pixels:
    side = OVERSAMPLING * len(pixels)
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _leaves(side: int, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outlines (n, corners, 2) in pixels as (x, y), in the order of drawing, and radii (n,)."""
    smallest = OVERSAMPLING * random.choice([2.0, 4.0, 12.0, 30.0], p=[0.4, 0.3, 0.2, 0.1])
    largest = max(side * random.uniform(0.2, 0.6), 1.5 * smallest)
    # With p(r) ~ r^-3 every octave covers the same area: this many leaves cover the image `layers` times.
    layers = random.uniform(0.2, 3.0)
    covered = 2 * np.pi * smallest**2 * np.log(largest / smallest)
    count = int(np.clip(layers * side * side / covered, 3, _MAX_LEAVES))
    share = random.random(count)
    radii = smallest / np.sqrt(1 - share * (1 - (smallest / largest) ** 2))

    centres = random.uniform(0, side, (count, 2))
    if random.random() < 0.35:
        # Above a horizon of any direction hardly anything lies: a sky.
        direction = random.uniform(0, 2 * np.pi)
        height = (centres - side / 2) @ (np.cos(direction), np.sin(direction))
        bare = (height > random.uniform(-0.25, 0.3) * side) & (random.random(count) < 0.98)
        centres, radii = centres[~bare], radii[~bare]
    count = len(radii)

    sides = random.choice([0, 3, 4, 5, 6], size=(count, 1), p=[0.4, 0.12, 0.3, 0.06, 0.12])
    sector = np.pi / np.maximum(sides, 3)
    angle = _ANGLES[None]
    polygon = np.cos(sector) / np.cos(angle % (2 * sector) - sector)
    lobes = random.integers(2, 6, (count, 1))
    blob = 1 + random.uniform(0, 0.4, (count, 1)) * np.sin(lobes * angle + random.uniform(0, 6.3, (count, 1)))
    reach = radii[:, None] * np.where(sides == 0, blob, polygon)
    aspect = np.exp(random.normal(0, 0.5, (count, 1)))
    x, y = reach * np.cos(angle + np.pi / 4) * aspect, reach * np.sin(angle + np.pi / 4) / aspect
    turn = random.uniform(0, 2 * np.pi, (count, 1))
    turn[random.random(count) < 0.25] = 0  # upright, as what people build
    outlines = np.stack((x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)), axis=2)
    return outlines + centres[:, None], radii


def _stroke(
    canvas: Pixels, points: NDArray[np.int32], radius: float, colour: list[float], random: np.random.Generator
) -> None:
    """A word or a bent line instead of the leaf."""
    thickness = int(max(1, min(radius / 4, random.integers(1, 6) * OVERSAMPLING / 2)))
    if random.random() < 0.6:
        word = "".join(random.choice(_LETTERS, size=random.integers(1, 8)))
        face = int(random.integers(0, 8))
        place = (points[0] >> _SHIFT).tolist()
        cv2.putText(canvas, word, place, face, min(radius, 80) / 14, colour, thickness, cv2.LINE_AA)
    else:
        part = points[: int(random.integers(3, _CORNERS))]
        cv2.polylines(canvas, [part], bool(random.random() < 0.3), colour, thickness, cv2.LINE_AA, _SHIFT)


def _rich_leaf(
    canvas: Pixels,
    outline: NDArray[np.float64],
    colour: list[float],
    texture: Pixels,
    random: np.random.Generator,
) -> None:
    """A leaf with shading, texture or a soft edge, blended into its bounding box."""
    side = len(canvas)
    softness = int(random.choice([0, 1, 3, 6, 12], p=[0.55, 0.1, 0.15, 0.1, 0.1])) * OVERSAMPLING
    left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 2 * softness, 0)
    right, bottom = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 2 * softness + 1, side)
    if right - left < 2 or bottom - top < 2:
        return
    box = canvas[top:bottom, left:right]
    height, width = box.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    points = np.rint((outline - (left, top)) * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, _SHIFT)
    if softness:
        # Two box averages are nearly a Gaussian and cost the same at every width.
        kernel = (2 * softness + 1, 2 * softness + 1)
        mask = cv2.blur(cv2.blur(mask, kernel), kernel)  # type: ignore[assignment]

    corners = np.asarray(colour) * np.exp(random.normal(0, random.uniform(0, 0.4), (2, 2, 1)))
    fill = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.5:
        y, x = random.integers(0, side - height + 1), random.integers(0, side - width + 1)
        grain = cv2.cvtColor(texture[y : y + height, x : x + width], cv2.COLOR_GRAY2RGB)
        strength = random.uniform(0.05, 0.7)
        fill = cv2.addWeighted(fill, 1.0, grain, strength, -128 * strength, dtype=cv2.CV_32F)
    weight = mask.astype(np.float32) * np.float32(1 / 255)
    box[...] = cv2.blendLinear(_levels(fill), np.ascontiguousarray(box), weight, 1 - weight)


def _levels(values: NDArray[Any]) -> Pixels:
    """Rounded and clipped to 8 bits; the values are clipped in place."""
    # OpenCV's conversion saturates above but takes the absolute value below.
    return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0, out=values)), np.uint8)
