"""Scores keep their promises in every space; the check finds a space that breaks one."""

import pytest
import torch
from torch import nn

from robnas.errors import InputError
from robnas.spaces import SPACES, Gene, Space
from robnas.testing import check_scores
from tests.proxies import toy

LARGE = Space(
    "large",
    genes=[Gene(f"width{place}", tuple(range(1, 11))) for place in range(40)],
    build=lambda genes, **sizes: toy.build({"depth": 1, "activation": "relu", "width": genes["width0"]}, **sizes),
)


@pytest.mark.parametrize(
    "space",
    [SPACES["nas-bench-201"].configure(channels=2, cells=1), SPACES["theory"], toy.SPACE, LARGE],
    ids=lambda space: space.name,
)
def test_scores_of_every_space_keep_their_promises(space, tmp_path):
    check_scores(space, tmp_path)


def built(fault):
    def build(genes, *, in_channels, num_classes, image_size):
        network = nn.Sequential(nn.Conv2d(in_channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        network.append(nn.Linear(4, num_classes))
        if fault == "unseeded":
            entropy = torch.Generator()
            entropy.seed()
            nn.init.normal_(network[0].weight, generator=entropy)
        return network

    return Space("faulty", genes=[Gene("a", (1, 2, 3))], build=build)


def test_networks_that_no_seed_decides_are_found(tmp_path):
    check_scores(built(""), tmp_path)
    with pytest.raises(AssertionError, match="space faulty: equal seeds do not give equal scores"):
        check_scores(built("unseeded"), tmp_path / "other")


def test_a_space_without_networks_says_so(tmp_path):
    nothing = Space("nothing", genes=[Gene("a", (1, 2))])
    with pytest.raises(InputError, match="space nothing: expected one whose networks can be built"):
        check_scores(nothing, tmp_path)
    assert not list(tmp_path.iterdir())
