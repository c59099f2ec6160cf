"""How an epoch is cut: a few last images are no batch of their own."""

import pytest
import torch

from robnas.data import Dataset, Images, load_data
from robnas.errors import CheckpointError, InputError
from robnas.training import train
from robnas.training._batches import batch_sizes, merges_remainder

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("count", "batch_size", "last"),
    [
        (640, 64, 64),
        (641, 64, 65),
        (647, 64, 71),
        (648, 64, 8),  # an eighth is a batch
        (703, 64, 63),
        (1000, 64, 40),  # the bundled digits
        (50_000, 256, 80),  # CIFAR
        (25_000, 256, 168),
        (151_700, 256, 148),  # ImageNet16-120
        (50_031 - 80, 256, 31 + 256),
        (3, 64, 3),
        (1, 64, 1),
        (5, 4, 1),
        (5, 1, 1),
    ],
)
def test_only_less_than_an_eighth_of_a_batch_joins_the_batch_before(count, batch_size, last):
    sizes = batch_sizes(count, batch_size)
    assert sum(sizes) == count
    assert sizes[-1] == last
    assert set(sizes[:-1]) <= {batch_size}
    assert merges_remainder(count, batch_size) == (last > batch_size)


def test_one_image_more_does_not_spoil_a_training(tiny, build):
    data, recipe = load_data("digits"), tiny.replace(batch_size=32, beta=0.0, epochs=4)
    parts = [data.limit(train=count) for count in (320, 321)]
    clean = [train(build(channels=8), part, recipe, seed=0)[-1].clean_accuracy for part in parts]
    assert clean[1] > clean[0] - 0.05


def test_steps_loss_and_schedule_follow_the_batches(data, tiny, build):
    """82 images in batches of 40: two steps, the loss a mean over images."""
    seen = []

    class Watching(torch.nn.Linear):
        def forward(self, images):
            if self.training:
                seen.append(len(images))
            return super().forward(images.flatten(1))

    some, steps = data.limit(train=82), []
    recipe = tiny.replace(epochs=2, beta=0.0, max_lr=0.0)
    network = Watching(64, 10)
    history = train(network, some, recipe, seed=0, progress=lambda *done: steps.append(done[:2]))
    assert seen == [40, 42] * 2
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    part = some.split("train")
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(network(part.images / 255), part.labels)
    losses = [entry.loss for entry in history]
    assert losses == pytest.approx([loss.item()] * 2, rel=1e-5)
    assert history[-1].images_per_second == pytest.approx(82 / history[-1].seconds)


def test_a_checkpoint_of_a_time_when_the_last_images_were_a_batch_is_another_training(
    data, tiny, build, tmp_path, monkeypatch
):
    for count, fits in ((82, False), (85, True), (80, True)):
        some, place = data.limit(train=count), tmp_path / str(count)
        with monkeypatch.context() as patch:
            patch.setattr("robnas.training._train.merges_remainder", lambda *_: False)
            train(build(), some, tiny.replace(epochs=1), seed=0, directory=place)
        if fits:
            train(build(), some, tiny.replace(epochs=1), seed=0, directory=place)
            continue
        with pytest.raises(CheckpointError, match=r"last batch: expected merged, .*holds another training"):
            train(build(), some, tiny.replace(epochs=1), seed=0, directory=place)


def small(count):
    images = torch.randint(256, (count, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    part = Images(images, torch.arange(count) % 10)
    return Dataset("small", 10, {"train": part}, (0.5,), (0.3,))


@pytest.mark.parametrize(("count", "batch_size"), [(1, 8), (8, 1), (5, 4)])
def test_one_image_of_one_pixel_is_one_clear_error(tiny, build, count, batch_size):
    with pytest.raises(InputError, match=r"batch: expected at least 2 images, .* 1×1 pixel, got 1; take more images"):
        train(build(), small(count), tiny.replace(batch_size=batch_size), seed=0)


def test_one_image_more_than_a_batch_of_one_pixel_is_trained(tiny, build):
    assert len(train(build(), small(17), tiny.replace(batch_size=16, epochs=1), seed=0)) == 1
