from pathlib import Path

import numpy as np
import pytest

from robnas.data import load_data
from robnas.errors import InputError
from tests.data.conftest import TEN, listing, random_images, refused


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Data of another size in each place where it may lie."""
    TEN.write_binary(tmp_path / "given", count=10)
    TEN.write_binary(tmp_path / "configured", count=20)
    TEN.write_binary(tmp_path / "cache" / "robnas", count=30)
    TEN.write_binary(tmp_path / "home" / ".cache" / "robnas", count=40)
    monkeypatch.setenv("ROBNAS_DATA", str(tmp_path / "configured"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def images_found(data_dir=None):
    return len(load_data("cifar10", data_dir=data_dir, allow_partial=True).split("test"))


@pytest.mark.parametrize("kind", [str, Path])
def test_the_folder_that_is_given_comes_first(places, kind):
    assert images_found(kind(places / "given")) == 10


def test_then_the_configured_folder(places):
    assert images_found() == 20


@pytest.mark.parametrize("value", [None, ""])
def test_then_the_cache_of_the_user(places, monkeypatch, value):
    monkeypatch.delenv("ROBNAS_DATA") if value is None else monkeypatch.setenv("ROBNAS_DATA", value)
    assert images_found() == 30
    monkeypatch.delenv("XDG_CACHE_HOME") if value is None else monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert images_found() == 40


def test_a_tilde_stands_for_the_home_folder(places, monkeypatch):
    assert images_found("~/.cache/robnas") == 40
    monkeypatch.setenv("ROBNAS_DATA", "~/../given")
    assert images_found() == 10
    np.savez(places / "home" / "mine.npz", images=random_images(20, 8, 8), labels=np.arange(20) % 2)
    assert load_data("~/mine.npz").name == "mine"


@pytest.mark.parametrize("name", ["mnist", "CIFAR10", "cifar-10", "imagenet16", "digit", "a\0b"])
def test_an_unknown_name_lists_the_known_ones(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = ", ".join(["digits", "cifar10", "cifar100", "imagenet16-120"])
    with pytest.raises(InputError, match=f"data set: expected one of {known}, or a path, got ") as raised:
        load_data(name)
    assert str(raised.value).endswith(f"got {name!r}; if it is your own, give its file with --import")
    assert listing(tmp_path) == {}


@pytest.mark.parametrize("name", ["mine.npz", "some/where", "/no/such/folder"])
def test_a_path_where_nothing_is_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refused(f"{Path(name)}: expected an .npz file or a folder of images by class, got nothing"):
        load_data(name)


def test_a_name_may_come_as_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_data(Path("digits")).content_hash == load_data("digits").content_hash
    TEN.write_binary(tmp_path)
    assert load_data(Path("cifar10"), data_dir=tmp_path, allow_partial=True).name == "cifar10"


@pytest.mark.parametrize("name", ["cifar10", "mine.npz"])
@pytest.mark.parametrize("share", [-0.1, 0.95, 1.5])
def test_an_impossible_validation_share_is_refused_(name, share, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TEN.write_binary(tmp_path)
    np.savez(tmp_path / "mine.npz", images=random_images(20, 8, 8), labels=np.arange(20) % 2)
    with refused(rf"validation share: expected a number in \[0, 0\.9\], got {share}", InputError):
        load_data(name, data_dir=tmp_path, validation=share, allow_partial=True)
