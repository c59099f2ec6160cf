import numpy as np
import pytest
import torch

from robnas.data import Images
from robnas.data._order import _ranks, balanced_order
from robnas.data._splits import hold_out, split_in_three
from robnas.errors import InputError
from tests.data.conftest import refused

RNG = np.random.default_rng(0)
LABELS = {
    "equal classes": np.repeat(np.arange(10), 30),
    "interleaved": np.arange(300) % 10,
    "shuffled": RNG.permutation(np.arange(300) % 7),
    "uneven": np.repeat(np.arange(4), [200, 50, 7, 1]),
    "a class without images": np.repeat([0, 2, 5], [20, 30, 40]),
    "one class": np.zeros(25, int),
    "as many classes as images": np.arange(40),
    "one image": np.zeros(1, int),
}
EVERY = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
SHARES = pytest.mark.parametrize("share", [0, 0.001, 0.1, 1 / 3, 0.5, 0.9])


def numbered(labels):
    """Images of one pixel row that holds their index."""
    index = torch.arange(len(labels))
    pixels = torch.stack([index // 256, index % 256], 1).to(torch.uint8)
    return Images(pixels.view(-1, 1, 1, 2), torch.from_numpy(labels))


def indices(part):
    pixels = part.images.view(-1, 2).long()
    return (pixels[:, 0] * 256 + pixels[:, 1]).numpy()


def test_ranks_are_the_published_sequence_of_splitmix64():
    assert [hex(rank) for rank in _ranks(3)] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        ([0, 1] * 6, [2, 5, 4, 1, 6, 11, 8, 7, 10, 9, 0, 3]),
        ([0] * 8 + [1] * 4, [2, 8, 4, 6, 10, 5, 1, 11, 7, 0, 9, 3]),
        ([2] * 5, [2, 4, 1, 0, 3]),
        ([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], [6, 2, 4, 0, 8, 1, 9, 5, 7, 3]),
    ],
)
def test_the_order_is_always_this_one(labels, order):
    assert balanced_order(np.array(labels)).tolist() == order


@EVERY
def test_an_order_holds_every_index_once(labels):
    assert sorted(balanced_order(labels).tolist()) == list(range(len(labels)))


@EVERY
def test_every_prefix_holds_the_classes_in_their_proportions(labels):
    ordered = labels[balanced_order(labels)]
    counts = np.cumsum(ordered[:, None] == np.unique(labels), axis=0)
    share = counts[-1] / len(labels)
    length = np.arange(1, len(labels) + 1)[:, None]
    # Each class is at most half an image off a common quantile, and so is their sum.
    assert (np.abs(counts - share * length) <= 0.5 + share * len(share) / 2 + 1e-9).all()


@pytest.mark.parametrize("name", ["equal classes", "interleaved"])
def test_equal_classes_differ_by_at_most_one_image_in_every_prefix(name):
    ordered = LABELS[name][balanced_order(LABELS[name])]
    counts = np.cumsum(ordered[:, None] == np.arange(10), axis=0)
    assert (counts.max(1) - counts.min(1)).max() == 1


def test_the_order_within_a_class_is_shuffled():
    order = balanced_order(np.zeros(1000, int))
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.1
    assert (np.diff(order) == 1).sum() < 10


@EVERY
@SHARES
def test_hold_out_loses_and_doubles_nothing_and_keeps_the_order_of_the_source(labels, share):
    source = numbered(labels)
    splits = hold_out(source, share)
    parts = [indices(part) for part in splits.values()]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for part, index in zip(splits.values(), parts, strict=True):
        assert (np.diff(index) > 0).all()
        assert np.array_equal(part.labels.numpy(), labels[index])


@EVERY
@SHARES
def test_hold_out_has_the_size_asked_for_but_leaves_an_image_to_train_on(labels, share):
    splits = hold_out(numbered(labels), share)
    wanted = min(round(share * len(labels)), len(labels) - 1)
    assert ("validation" in splits) == (wanted > 0)
    assert len(splits["train"]) == len(labels) - wanted
    assert list(splits) == ["train", "validation"][: len(splits)]


def test_hold_out_of_nothing_leaves_the_training_images_alone():
    source = numbered(LABELS["shuffled"])
    assert hold_out(source, 0) == {"train": source}


def test_hold_out_is_class_balanced_and_always_the_same():
    source = numbered(np.repeat(np.arange(10), 50))
    splits = hold_out(source, 0.1)
    assert np.bincount(splits["validation"].labels).tolist() == [5] * 10
    assert np.bincount(splits["train"].labels).tolist() == [45] * 10
    again = hold_out(source, 0.1)
    assert indices(splits["validation"]).tolist() == indices(again["validation"]).tolist()


def test_a_larger_share_contains_the_smaller_one():
    source = numbered(LABELS["shuffled"])
    small, large = (set(indices(hold_out(source, share)["validation"]).tolist()) for share in (0.1, 0.3))
    assert small < large


@pytest.mark.parametrize("share", [-0.1, 0.91, 1, 10, float("nan"), float("inf")])
def test_an_impossible_share_is_refused(share):
    with refused(rf"validation share: expected a number in \[0, 0\.9\], got {share}", InputError):
        hold_out(numbered(LABELS["equal classes"]), share)


@EVERY
def test_three_splits_lose_and_double_nothing(labels):
    test, validation = len(labels) // 5, len(labels) // 4
    splits = split_in_three(numbered(labels), validation=validation, test=test)
    sizes = {name: len(part) for name, part in splits.items()}
    assert sizes.pop("train") == len(labels) - test - validation
    assert sizes == ({"validation": validation} if validation else {}) | {"test": test}
    assert sorted(np.concatenate([indices(part) for part in splits.values()]).tolist()) == list(range(len(labels)))
    for part in splits.values():
        assert np.array_equal(part.labels.numpy(), labels[indices(part)])


def test_three_splits_are_class_balanced():
    splits = split_in_three(numbered(np.repeat(np.arange(5), 20)), validation=25, test=10)
    assert {name: np.bincount(part.labels).tolist() for name, part in splits.items()} == {
        "train": [13] * 5, "validation": [5] * 5, "test": [2] * 5,
    }  # fmt: skip
