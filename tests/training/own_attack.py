"""An attack of one's own, which knows nothing but the protocol."""

from dataclasses import dataclass

from robnas.types import ThreatModel


@dataclass(frozen=True)
class Darken:
    threat: ThreatModel
    share: float = 1.0

    @property
    def name(self):
        return "darken"

    def __call__(self, network, images, labels, *, seed, batch_size, progress):
        return images - self.share * 9 * self.threat.epsilon  # beyond the ball: the caller clips
