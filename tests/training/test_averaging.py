import pytest
import torch
from torch import nn

from robnas.attacks import predict
from robnas.data import to_pixels
from robnas.errors import InputError
from robnas.training import AVERAGINGS, EMA, LOG, Recipe, restore, train
from robnas.training._averaging import MovingAverage

pytestmark = pytest.mark.usefixtures("one_thread")


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def equal(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


class StoppedError(Exception):
    pass


def stop_at(step):
    def progress(done, total, text):
        if done == step:
            raise StoppedError

    return progress


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_a_moving_average_is_the_weighted_mean_of_all_steps(decay):
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double()
    average, seen = MovingAverage(network, decay), []
    for _ in range(20):
        for value in network.state_dict().values():
            value.copy_(torch.randn(value.shape, generator=torch.Generator().manual_seed(len(seen))) * 9)
        average.update()
        seen.append(weights(network))
    shares = [decay ** (19 - step) if decay or step == 19 else 0.0 for step in range(20)]
    for name, found in average.state_dict().items():
        if name:
            wanted = sum(share * step[name] for share, step in zip(shares, seen, strict=True)) / sum(shares)
            torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    assert "1.num_batches_tracked" not in average.state_dict()


def test_the_result_is_the_average_and_so_are_the_figures(data, tiny, build, tmp_path):
    """Beside an obvious loop: the steps are those of a training without averaging."""
    recipe, plain = tiny.replace(averaging=EMA(decay=0.9)), tiny
    found = build()
    history = train(found, data, recipe, seed=3, directory=tmp_path)
    network, seen = build(), []
    steps = -(-96 // 40) * plain.epochs

    def note(done, total, text):
        seen.append(weights(network))

    other = train(network, data, plain, seed=3, progress=note)
    assert len(seen) == steps
    assert [entry.loss for entry in history] == [entry.loss for entry in other]
    wanted = {}
    for name, value in seen[-1].items():
        shares = [0.9 ** (steps - 1 - step) for step in range(steps)]
        mean = sum(share * one[name].double() for share, one in zip(shares, seen, strict=True)) / sum(shares)
        wanted[name] = mean.to(value.dtype) if value.is_floating_point() else value
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-5, atol=1e-6)
    pixels, labels = to_pixels(data.split("train").images), data.split("train").labels
    assert history[-1].clean_accuracy == (predict(found, pixels, 40) == labels).float().mean().item()
    kept = build(seed=9)
    restore(kept, data, recipe, seed=3, directory=tmp_path)
    assert equal(weights(kept), weights(found))


@pytest.mark.parametrize("change", [
    {"averaging": "ema"},
    {"averaging": EMA(decay=0.8), "optimizer": "adamw", "schedule": "cosine"},
    {"averaging": EMA(decay=0.8), "stopping": {"name": "early-stopping", "images": 40}},
    {"stopping": {"name": "early-stopping", "images": 40}, "optimizer": {"momentum": 0.8}, "schedule": "constant"},
])  # fmt: skip
@pytest.mark.parametrize("step", [1, 5, 8])
def test_an_interrupted_training_goes_on_to_the_same_bits(data, tiny, build, tmp_path, change, step):
    recipe = tiny.replace(**change)
    whole, again = build(), build()
    history = train(whole, data, recipe, seed=3)
    with pytest.raises(StoppedError):
        train(build(), data, recipe, seed=3, directory=tmp_path, progress=stop_at(step))
    figures = [(entry.loss, entry.clean_accuracy, entry.validation_accuracy) for entry in history]
    found = train(again, data, recipe, seed=3, directory=tmp_path)
    assert [(entry.loss, entry.clean_accuracy, entry.validation_accuracy) for entry in found] == figures
    assert equal(weights(whole), weights(again))
    finished = build(seed=9)
    train(finished, data, recipe, seed=3, directory=tmp_path)
    assert equal(weights(whole), weights(finished))
    assert len((tmp_path / LOG).read_text().splitlines()) == len(history)


def test_averages_of_another_network_are_refused():
    kept = EMA().start(nn.Linear(2, 2)).state_dict()
    with pytest.raises(ValueError, match="averages of another network"):
        EMA().start(nn.Linear(2, 3)).load_state_dict(kept)


def test_averaging_is_a_setting_of_its_own():
    base = Recipe.digits()
    changed = base.replace(averaging={"name": "ema", "decay": 0.9})
    assert changed.name == "digits+averaging=ema,averaging.decay=0.9"
    assert changed.to_dict() == base.to_dict() | {"name": changed.name, "averaging": {"name": "ema", "decay": 0.9}}
    assert Recipe.from_dict(changed.to_dict()) == changed
    assert changed.hash not in (base.hash, base.replace(averaging="ema").hash)
    assert changed.replace(averaging="none").hash == changed.replace(averaging=None).hash == base.hash
    assert list(AVERAGINGS) == ["ema"]
    for wrong, text in (("swa", "recipe averaging: expected one of ema, got 'swa'"), ({"decay": 1}, "a name, one of")):
        with pytest.raises(InputError, match=text):
            base.replace(averaging=wrong)
    with pytest.raises(InputError, match="recipe averaging decay: expected a number in"):
        base.replace(averaging={"name": "ema", "decay": 1})
