import json

import pytest

from robnas.cli import main
from robnas.training import AVERAGINGS, OPTIMIZERS, RECIPES, SCHEDULES, STOPPINGS


def run(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code, capsys.readouterr()


def test_recipes_lists_presets_and_parts(capsys):
    code, shown = run(["recipes"], capsys)
    assert code == 0
    for name in (*RECIPES, *OPTIMIZERS, *SCHEDULES, *AVERAGINGS, *STOPPINGS):
        assert f" {name}" in shown.out
    assert "optimizer adamw (lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.01): Adam with" in shown.out
    code, shown = run(["recipes", "--json"], capsys)
    assert json.loads(shown.out)["schedule"]["piecewise"]["settings"] == {"at": [0.5, 0.75], "factor": 0.1}


def test_train_takes_a_file_and_settings_and_says_which_weights(tmp_path, capsys):
    (tmp_path / "mine.toml").write_text('preset = "digits"\nepochs = 2\n[stopping]\nname="early-stopping"\nimages=20\n')
    common = ["--data", "digits", "--channels", "2", "--limit-train", "64", "--out", str(tmp_path / "run")]
    settings = ["--set", "optimizer.lr=0.05", "--set", "averaging=ema"]
    code, shown = run(["train", "323143", "--recipe", str(tmp_path / "mine.toml"), *settings, *common], capsys)
    assert code == 0
    assert "weights: averaged over the steps (ema), of epoch" in shown.out
    code, shown = run(
        ["train", "323143", "--recipe", str(tmp_path / "mine.toml"), *settings, *common, "--json"], capsys
    )
    trial = json.loads(shown.out)["trial"]
    assert (trial["recipe"]["max_lr"], trial["recipe"]["averaging"]["name"]) == (0.05, "ema")
    assert trial["space"]["cells"] == 1


def test_a_wrong_setting_is_one_line_and_leaves_no_folder(tmp_path, capsys):
    common = ["train", "323143", "--data", "digits", "--recipe", "digits", "--out", str(tmp_path / "run")]
    code, shown = run([*common, "--set", "optimizer.rate=1"], capsys)
    assert code == 2
    assert "error: recipe optimizer sgd setting: expected one of lr, momentum, weight_decay, got 'rate'" in shown.err
    assert not (tmp_path / "run" / "trial.json").exists()
