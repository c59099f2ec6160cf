"""The nearest point of a ball that lies in [0, 1], slow and obvious."""

import numpy as np


def nearest_l1(point: np.ndarray, centre: np.ndarray, epsilon: float) -> np.ndarray:
    """min ‖z − point‖₂ subject to ‖z − centre‖₁ ≤ ε and 0 ≤ z ≤ 1, by bisection of the multiplier of the first.

    Given the multiplier θ the coordinates part: each minimises ½(z − point)² + θ|z − centre| on [0, 1].
    """

    def at(theta: float) -> np.ndarray:
        delta = point - centre
        return np.clip(centre + np.sign(delta) * np.maximum(np.abs(delta) - theta, 0), 0, 1)

    if np.abs(at(0.0) - centre).sum() <= epsilon:
        return at(0.0)
    low, high = 0.0, float(np.abs(point - centre).max())
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.abs(at(middle) - centre).sum() > epsilon else (low, middle)
    return at(high)
