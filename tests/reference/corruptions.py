"""The corruptions of Hendrycks and Dietterich 2019 once more: one image of 32 pixels at a time, in slow plain loops.

Each takes an image (channels, height, width) in [0, 1] and what `Draws` of that one image gives, in the order in which
it is drawn; it returns the image before it is cut to grey levels.
"""

import colorsys
import io
import math

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.stats import norm, poisson


def uniforms(draws, *shape):
    return draws.uniform(*shape)[0]


def normals(draws, *shape):
    return norm.ppf(draws.uniform(*shape)[0])


def gaussian_noise(x, draws, c):
    return x + normals(draws, *x.shape) * c


def speckle_noise(x, draws, c):
    return x + x * normals(draws, *x.shape) * c


def shot_noise(x, draws, c):
    return poisson.ppf(uniforms(draws, *x.shape), x * c) / c


def impulse_noise(x, draws, amount):
    hit, salt = uniforms(draws, *x.shape), uniforms(draws, *x.shape)
    out = x.copy()
    for place in np.ndindex(x.shape):
        if hit[place] <= amount:
            out[place] = 1 if salt[place] <= 0.5 else 0
    return out


def smoothed(x, sigma, truncate=4.0):
    """Rows, then columns, with the edge going on outside."""
    half = int(truncate * sigma + 0.5)
    weights = [math.exp(-((k / sigma) ** 2) / 2) for k in range(-half, half + 1)]
    weights = [weight / sum(weights) for weight in weights]
    for axis in (1, 2):
        size, out = x.shape[axis], np.zeros_like(x)
        for k, weight in zip(range(-half, half + 1), weights, strict=True):
            out += weight * np.take(x, np.clip(np.arange(size) + k, 0, size - 1), axis)
        x = out
    return x


def gaussian_blur(x, draws, sigma):
    return smoothed(x, sigma)


def mirrored(k, size):
    """… 2 1 | 0 1 2 … size-1 | size-2 …"""
    k = abs(k)
    return 2 * (size - 1) - k if k >= size else k


def defocus_blur(x, draws, radius, smooth):
    grid = range(-8, 9)
    disc = np.array([[float(i * i + j * j <= radius * radius) for i in grid] for j in grid])
    disc /= disc.sum()
    edge = [math.exp(-(k * k) / (2 * smooth * smooth)) for k in (-1, 0, 1)]
    edge = [weight / sum(edge) for weight in edge]
    kernel = np.zeros((19, 19))
    for i in range(3):
        for j in range(3):
            kernel[i : i + 17, j : j + 17] += edge[i] * edge[j] * disc
    _, height, width = x.shape
    out = np.zeros_like(x)
    for i, j in np.argwhere(kernel).tolist():
        rows = [mirrored(row + i - 9, height) for row in range(height)]
        columns = [mirrored(column + j - 9, width) for column in range(width)]
        out += kernel[i, j] * x[:, rows][:, :, columns]
    return out


def glass_blur(x, draws, sigma, reach, rounds):
    x = np.floor(255 * smoothed(x, sigma) + 1e-6) / 255
    size = x.shape[1]
    for _ in range(rounds):
        draw = uniforms(draws, size - 2 * reach, size - 2 * reach, 2)
        for i, h in enumerate(range(size - reach, reach, -1)):
            for j, w in enumerate(range(size - reach, reach, -1)):
                dx, dy = (math.floor(-reach + 2 * reach * u) for u in draw[i, j])
                x[:, h, w] = x[:, h + dy, w + dx]  # the published swap, whose second half finds the value it wrote
    return smoothed(x, sigma)


def moved(x, angle, radius, sigma):
    weights = [math.exp(-i * i / (2 * sigma * sigma)) for i in range(2 * math.ceil(radius) + 1)]
    out = np.zeros_like(x)
    _, height, width = x.shape
    for i, weight in enumerate(weights):
        down = math.ceil(i * math.sin(math.radians(angle)) - 0.5)
        across = math.ceil(i * math.cos(math.radians(angle)) - 0.5)
        rows = np.clip(np.arange(height) + down, 0, height - 1)
        columns = np.clip(np.arange(width) + across, 0, width - 1)
        out += weight / sum(weights) * x[:, rows][:, :, columns]
    return np.round(255 * out) / 255


def motion_blur(x, draws, radius, sigma):
    return moved(x, -45 + 90 * uniforms(draws, 1)[0], radius, sigma)


def clipped_zoom(x, factor):
    """Of (height, width), as published: SciPy's zoom of the middle, then cut."""
    size = x.shape[0]
    part = math.ceil(size / factor)
    top = (size - part) // 2
    large = ndimage.zoom(x[top : top + part, top : top + part], factor, order=1)
    trim = (large.shape[0] - size) // 2
    return large[trim : trim + size, trim : trim + size]


LAST_ZOOM = {7: 1.06, 12: 1.11, 16: 1.16, 21: 1.21, 26: 1.26}


def zoom_blur(x, draws, zooms):
    factors = np.arange(1, LAST_ZOOM[zooms], 0.01)
    assert len(factors) == zooms
    total = x.copy()
    for factor in factors:
        total += np.stack([clipped_zoom(channel, factor) for channel in x])
    return total / (len(factors) + 1)


def plasma(draws, decay, side=32):
    """Diamonds and squares on a torus, point by point."""
    grid = np.zeros((side, side))
    step, wibble = side, 100.0
    while step >= 2:
        half, count = step // 2, side // step
        for rows, columns, around in (
            (half, half, [(-half, -half), (-half, half), (half, -half), (half, half)]),
            (0, half, [(-half, 0), (half, 0), (0, -half), (0, half)]),
            (half, 0, [(-half, 0), (half, 0), (0, -half), (0, half)]),
        ):
            draw = -wibble + 2 * wibble * uniforms(draws, count, count)
            for i in range(count):
                for j in range(count):
                    row, column = rows + i * step, columns + j * step
                    near = sum(grid[(row + a) % side, (column + b) % side] for a, b in around)
                    grid[row, column] = near / 4 + wibble * draw[i, j]
        step, wibble = half, wibble / decay
    grid -= grid.min()
    return grid / grid.max()


def fog(x, draws, amount, decay):
    return (x + amount * plasma(draws, decay)) * x.max() / (x.max() + amount)


def grey(x):
    return x[0] if len(x) == 1 else 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]


def snow(x, draws, mean, deviation, zoom, threshold, radius, sigma, keep):
    layer = clipped_zoom(mean + deviation * normals(draws, *x.shape[1:]), zoom)
    layer[layer < threshold] = 0
    layer = np.floor(255 * np.clip(layer, 0, 1) + 1e-6) / 255
    layer = moved(layer[None], -135 + 90 * uniforms(draws, 1)[0], radius, sigma)[0]
    whitened = keep * x + (1 - keep) * np.maximum(x, 1.5 * grey(x) + 0.5)
    return whitened + layer + np.rot90(layer, 2)


def frost(x, draws, keep, amount):
    ridges = [1 - abs(2 * plasma(draws, decay) - 1) for decay in (2.5, 1.5)]
    ice = 0.25 + 0.75 * np.clip(ridges[0] ** 3 + 0.5 * ridges[1] ** 6, 0, 1)
    colour = np.array([0.82, 0.92, 1.0])[:, None, None] * ice
    return keep * x + amount * (colour if len(x) == 3 else grey(colour)[None])


def in_hsv(x, change):
    out = np.empty_like(x)
    for row, column in np.ndindex(x.shape[1:]):
        pixel = x[:, row, column] if len(x) == 3 else x[[0, 0, 0], row, column]
        out[:, row, column] = np.array(colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel))))[: len(x)]
    return out


def brightness(x, draws, amount):
    return in_hsv(x, lambda h, s, v: (h, s, min(v + amount, 1)))


def saturate(x, draws, factor, shift):
    return in_hsv(x, lambda h, s, v: (h, min(max(s * factor + shift, 0), 1), v))


def contrast(x, draws, factor):
    return np.stack([(channel - channel.mean()) * factor + channel.mean() for channel in x])


def bilinear(x, row, column, folded):
    top, left = math.floor(row), math.floor(column)
    return sum(
        (1 - abs(row - i)) * (1 - abs(column - j)) * x[:, folded(i, x.shape[1]), folded(j, x.shape[2])]
        for i in (top, top + 1)
        for j in (left, left + 1)
    )


def elastic_transform(x, draws, amount, sigma, affine):
    size = x.shape[1]
    centre, reach = size // 2, size // 3
    corners = np.array([[centre + reach, centre + reach], [centre + reach, centre - reach], [centre - reach] * 2])
    goals = corners + affine * size * (2 * uniforms(draws, 3, 2) - 1)
    forward = np.linalg.lstsq(np.column_stack([corners, np.ones(3)]), goals, rcond=None)[0]
    matrix, shift = np.linalg.inv(forward[:2].T), forward[2]
    warped = np.empty_like(x)
    for row, column in np.ndindex(size, size):
        across, down = matrix @ (np.array([column, row]) - shift)
        warped[:, row, column] = bilinear(x, down, across, mirrored_far)
    if amount == 0:
        return warped
    dx, dy = (
        ndimage.gaussian_filter(2 * uniforms(draws, size, size) - 1, sigma * size, mode="reflect", truncate=3)
        * (amount * size)
        for _ in range(2)
    )
    rows, columns = np.mgrid[:size, :size]
    return np.stack(
        [ndimage.map_coordinates(channel, [rows + dy, columns + dx], order=1, mode="reflect") for channel in warped]
    )


def mirrored_far(k, size):
    while not 0 <= k < size:
        k = -k if k < 0 else 2 * (size - 1) - k
    return k


def through_pillow(x, change):
    levels = np.rint(255 * x).astype(np.uint8)
    image = Image.fromarray(levels[0]) if len(x) == 1 else Image.fromarray(np.dstack(list(levels)))
    changed = np.asarray(change(image)) / 255
    return changed[None] if len(x) == 1 else changed.transpose(2, 0, 1)


def jpeg_compression(x, draws, quality):
    def change(image):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return through_pillow(x, change)


def pixelate(x, draws, share):
    small = int(x.shape[1] * share)
    return through_pillow(x, lambda image: image.resize((small, small), Image.BOX).resize(image.size, Image.BOX))


def spatter(x, draws, mean, deviation, sigma, threshold, strength, mud):
    liquid = smoothed(mean + deviation * normals(draws, *x.shape[1:])[None], sigma)[0]
    liquid[liquid < threshold] = 0
    if mud:
        layer = ndimage.gaussian_filter((liquid > threshold).astype(float), strength, mode="nearest")
        layer[layer < 0.8] = 0
        colour = np.array([63, 42, 20]) / 255
    else:
        layer = strength * rims(np.floor(255 * liquid + 1e-6))
        colour = np.array([175, 238, 238]) / 255
    colour = colour[:, None, None] * layer
    return (x * (1 - layer) if mud else x) + (colour if len(x) == 3 else grey(colour)[None])


def at(x, row, column, outside):
    return x[outside(row, x.shape[0]), outside(column, x.shape[1])]


def filtered(x, kernel, outside):
    out = np.zeros(x.shape)
    for row, column in np.ndindex(x.shape):
        for i, j in np.ndindex(3, 3):
            out[row, column] += kernel[i][j] * at(x, row + i - 1, column + j - 1, outside)
    return out


def edge_value(k, size):
    return min(max(k, 0), size - 1)


def canny(levels, low=50, high=150):
    """Canny 1986 with Sobel's gradient and the sum of absolute values, as OpenCV's documentation defines it."""
    dx = filtered(levels, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], edge_value)
    dy = filtered(levels, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]], edge_value)
    size = np.pad(abs(dx) + abs(dy), 1)
    ridge = np.zeros(levels.shape, dtype=bool)
    for row, column in np.ndindex(levels.shape):
        here, (r, c) = size[row + 1, column + 1], (row + 1, column + 1)
        a, b = dx[row, column], dy[row, column]
        if abs(b) < math.tan(math.pi / 8) * abs(a):
            kept = here > size[r, c - 1] and here >= size[r, c + 1]
        elif abs(b) > math.tan(3 * math.pi / 8) * abs(a):
            kept = here > size[r - 1, c] and here >= size[r + 1, c]
        else:
            s = -1 if (a < 0) != (b < 0) else 1
            kept = here > size[r - 1, c - s] and here > size[r + 1, c + s]
        ridge[row, column] = kept and here > low
    todo = [place for place in map(tuple, np.argwhere(ridge)) if size[place[0] + 1, place[1] + 1] > high]
    edge = np.zeros_like(ridge)
    while todo:
        row, column = todo.pop()
        inside = 0 <= row < ridge.shape[0] and 0 <= column < ridge.shape[1]
        if inside and ridge[row, column] and not edge[row, column]:
            edge[row, column] = True
            todo += [(row + i - 1, column + j - 1) for i, j in np.ndindex(3, 3)]
    return edge


def rims(levels):
    edge = canny(levels)
    places = np.argwhere(edge)
    distance = np.full(levels.shape, 20.0)
    for place in np.ndindex(levels.shape):
        if len(places):
            distance[place] = min(20, math.sqrt(((places - place) ** 2).sum(1).min()))
    box = np.full((3, 3), 1 / 9)
    distance = np.floor(filtered(distance, box, mirrored) + 1e-6).astype(int)
    values, counts = np.unique(distance, return_counts=True)
    if len(values) > 1:
        grown = {
            value: round((counts[: k + 1].sum() - counts[0]) * 255 / (distance.size - counts[0]))
            for k, value in enumerate(values)
        }
        distance = np.vectorize(grown.get)(distance)
    relief = np.clip(filtered(distance, [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], mirrored), 0, 255)
    water = levels * np.round(filtered(relief, box, mirrored))
    return water / (water.max() or 1)
