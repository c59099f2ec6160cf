"""Infinitely wide networks of NAS-Bench-201 cells, written out: the covariance of every map with every other one.

Slow and obvious on purpose. A map is a channel of a node or of an edge in the limit, at all pixels of all images, in
one long vector: a Gaussian one, and its covariance with each other map is kept, as is that of the gradients, for all
pairs of pixels of all pairs of images. A linear step L (pooling, sum) makes L C Lᵀ of both; a convolution with weights
of its own has no covariance with anything that was there before.
"""

import numpy as np

from robnas.spaces import CellArchitecture
from robnas.spaces.nas_bench_201 import EDGES

KERNEL = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


def relu_pairs(covariance):
    """E relu(u) relu(v) and E 1[u > 0] 1[v > 0] of all pairs (Cho and Saul 2009)."""
    deviation = np.sqrt(np.diag(covariance))
    size = np.outer(deviation, deviation)
    cosine = np.where(size > 0, covariance / np.where(size > 0, size, 1), 0).clip(-1, 1)
    np.fill_diagonal(cosine, 1)
    angle = np.arccos(cosine)
    both = size * (np.sin(angle) + (np.pi - angle) * cosine) / (2 * np.pi)
    return both, np.where(size > 0, (np.pi - angle) / (2 * np.pi), 0)


def shifts(height, width, kernel_size, stride):
    """For each tap of a filter the matrix that picks its pixel for each pixel of the output."""
    reach = kernel_size // 2
    rows, columns = -(-height // stride), -(-width // stride)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            pick = np.zeros((rows * columns, height * width))
            for y in range(rows):
                for x in range(columns):
                    there = stride * y + down, stride * x + right
                    if 0 <= there[0] < height and 0 <= there[1] < width:
                        pick[y * columns + x, there[0] * width + there[1]] = 1
            yield pick


def pooling(height, width):
    """3×3 mean, borders not counted."""
    matrix = sum(shifts(height, width, 3, 1))
    return matrix / matrix.sum(axis=1, keepdims=True)


def halving(height, width):
    """2×2 mean with stride 2; what is left at an odd border is averaged by itself."""
    rows, columns = -(-height // 2), -(-width // 2)
    matrix = np.zeros((rows * columns, height * width))
    for y in range(height):
        for x in range(width):
            matrix[(y // 2) * columns + x // 2, y * width + x] = 1
    return matrix / matrix.sum(axis=1, keepdims=True)


class Maps:
    """Maps by number; covariance and kernel of each pair."""

    def __init__(self, images, scaling, calibration):
        self.images, self.scaling, self.calibration = images, scaling, calibration
        self.covariance, self.kernel = {}, {}
        self.sizes = []

    def whole(self, matrix):
        return np.kron(np.eye(self.images), matrix)

    def new(self, size, covariance, kernel):
        """A map that is independent of all others."""
        number = len(self.sizes)
        self.sizes.append(size)
        for other, (rows, columns) in enumerate(self.sizes):
            for kept in (self.covariance, self.kernel):
                kept[number, other] = np.zeros((len(covariance), self.images * rows * columns))
                kept[other, number] = kept[number, other].T
        self.covariance[number, number], self.kernel[number, number] = covariance, kernel
        return number

    def combined(self, size, parts):
        """The sum of linear images of maps: pairs of map and matrix."""
        number = len(self.sizes)
        self.sizes.append(size)
        matrices = [(source, self.whole(matrix)) for source, matrix in parts]
        for kept in (self.covariance, self.kernel):
            for other in range(number):
                kept[number, other] = sum(matrix @ kept[source, other] for source, matrix in matrices)
                kept[other, number] = kept[number, other].T
            kept[number, number] = sum(
                left @ kept[first, second] @ right.T for first, left in matrices for second, right in matrices
            )
        return number

    def scale(self, covariance):
        """Square of the number by which a branch is multiplied."""
        pixels = len(covariance) // self.images
        square = np.diag(covariance)[: self.calibration * pixels].mean()
        return 1 / square if self.scaling != "he" and square > 0 else 1.0

    def centred(self, covariance):
        """Less the mean over calibration images and pixels."""
        if self.scaling != "centred":
            return covariance
        size = len(covariance) // self.images * self.calibration
        centre = np.eye(len(covariance))
        centre[:, :size] -= 1 / size
        return centre @ covariance @ centre.T

    def averaged(self, values, size, kernel_size, stride):
        picks = [self.whole(pick) for pick in shifts(*size, kernel_size, stride)]
        return sum(pick @ values @ pick.T for pick in picks) / kernel_size**2

    def convolution(self, source, kernel_size, stride=1):
        """ReLU, convolution, scaling."""
        size = self.sizes[source]
        both, slopes = relu_pairs(self.covariance[source, source])
        mean = 2 * self.averaged(both, size, kernel_size, stride)
        through = 2 * self.averaged(slopes * self.kernel[source, source], size, kernel_size, stride)
        covariance = self.centred(mean)
        scale = self.scale(covariance)
        return self.new(tuple(-(-side // stride) for side in size), scale * covariance, scale * (mean + through))

    def cell(self, arch, start):
        size = self.sizes[start]
        nodes, nothing = [start], np.zeros((size[0] * size[1],) * 2)
        for node in (1, 2, 3):
            parts = [(start, nothing)]
            for (source, target), operation in zip(EDGES, arch.operations, strict=True):
                if target != node or operation == "none":
                    continue
                if operation in KERNEL:
                    parts.append((self.convolution(nodes[source], KERNEL[operation]), np.eye(size[0] * size[1])))
                else:
                    parts.append((nodes[source], pooling(*size) if "pool" in operation else np.eye(size[0] * size[1])))
            nodes.append(self.combined(size, parts))
        return nodes[3]

    def reduction(self, start):
        main = self.convolution(self.convolution(start, 3, stride=2), 3)
        pooled = self.combined(self.sizes[main], [(start, halving(*self.sizes[start]))])
        covariance = self.covariance[pooled, pooled]
        shortcut = self.new(self.sizes[main], covariance, covariance + self.kernel[pooled, pooled])
        same = np.eye(np.prod(self.sizes[main]))
        return self.combined(self.sizes[main], [(main, same), (shortcut, same)])


def infinite_cell_kernels(arch, images, *, cells=1, scaling="unit", calibration=None):
    """The tangent kernel and the covariance of outputs, each shape (n, n), of images (n, channels, height, width).

    The first `calibration` images, all if omitted, fix the scales.
    """
    arch, images = CellArchitecture(arch), np.asarray(images, dtype=np.float64)
    count, channels, *size = images.shape
    maps = Maps(count, scaling, calibration or count)
    flat = images.transpose(0, 2, 3, 1).reshape(-1, channels)
    stem = maps.averaged(flat @ flat.T / channels, size, 3, 1)
    covariance = maps.centred(stem)
    scale = maps.scale(covariance)
    here = maps.new(tuple(size), scale * covariance, scale * stem)
    for stage in range(3):
        if stage:
            here = maps.reduction(here)
        for _ in range(cells):
            here = maps.cell(arch, here)
    covariance, kernel = maps.centred(maps.covariance[here, here]), maps.kernel[here, here]
    scale = maps.scale(covariance)
    both, slopes = relu_pairs(scale * covariance)
    pixels = maps.sizes[here][0] * maps.sizes[here][1]
    signal, tangent = (
        2 * values.reshape(count, pixels, count, pixels).mean(axis=(1, 3)) for values in (both, slopes * scale * kernel)
    )
    return signal + tangent, signal
