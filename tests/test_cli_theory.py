import json

import pytest

from tests.test_cli import robnas


def test_theory_prints_eigenvalues_and_bounds(capsys):
    archs = ("fc:relu,relu:1", "conv3-flat:relu,tanh:0")
    code, out, err = robnas(capsys, "theory", *archs, "--inputs", "12", "--width", "32", "--beta", "0.25", "--json")
    assert code == 0, err
    facts = json.loads(out)
    assert [row["architecture"] for row in facts["rows"]] == list(archs)
    for row in facts["rows"]:
        lowest, bound = row["lambda_min"], row["bound"]
        assert row["lower_bounds_mixed"]["weyl"] <= lowest["mixed"]
        assert row["lower_bounds_mixed"]["perturbation"] <= lowest["mixed"]
        assert all(value <= lowest["clean"] for value in row["lower_bounds_clean"].values())
        assert bound["clean_spectral"] == pytest.approx(lowest["mixed"] ** -0.5)
        assert bound["clean"] <= bound["clean_spectral"]
    assert set(facts["rows"][0]["lower_bounds_clean"]) == {"schur", "hermite"}
    code, out, _ = robnas(capsys, "theory", *archs, "--inputs", "12", "--width", "32", "--beta", "0.25")
    assert code == 0
    assert "digits 3,8, N = 12, ρ = 0.1, β = 0.25" in out
    assert f"robust error ~       {facts['rows'][0]['bound']['robust']:.4g}" in out


def test_an_infinite_bound_is_null_in_json(capsys, monkeypatch):
    monkeypatch.setattr("robnas.kernels._generalization.is_singular", lambda values: True)
    code, out, _ = robnas(capsys, "theory", "fc:relu,relu:1", "--inputs", "6", "--width", "8", "--json")
    assert code == 0
    assert json.loads(out)["rows"][0]["bound"]["clean_spectral"] is None
    code, out, _ = robnas(capsys, "theory", "fc:relu,relu:1", "--inputs", "6", "--width", "8")
    assert "(by the eigenvalue alone inf)" in out


def test_a_singular_kernel_has_no_smallest_eigenvalue(capsys, monkeypatch):
    monkeypatch.setattr("robnas.kernels._spectrum.is_singular", lambda values: True)
    code, out, _ = robnas(capsys, "theory", "fc:relu,relu:1", "--inputs", "6", "--width", "8", "--json")
    assert code == 0
    assert set(json.loads(out)["rows"][0]["lambda_min"].values()) == {None}
    code, out, _ = robnas(capsys, "theory", "fc:relu,relu:1", "--inputs", "6", "--width", "8")
    assert "smallest eigenvalue  clean singular  robust singular" in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ("theory", "323133"),
            "architecture of the theory space: expected such as fc:relu,tanh,relu:10, got '323133'; "
            "give --space nas-bench-201 for cells",
        ),
        (("theory", "fc"), "architecture of the theory space: expected such as fc:relu,tanh,relu:10 or conv3-flat"),
        (
            ("theory", "fc:relu,relu:1", "--classes", "3"),
            "--classes: expected two numbers below 10, such as 3,8, got '3'",
        ),
        (("theory", "fc:relu,relu:1", "--rho", "3"), "rho: expected a number in [0, 2], got 3"),
        (("theory", "fc:relu,relu:1", "--width", "0"), "width: expected at least 1, got 0"),
        (("theory", "fc:relu,relu:1", "--beta", "-1", "--inputs", "8"), "beta: expected a number in [0, 1], got -1"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, text):
    code, out, err = robnas(capsys, *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1


SMALL = ("--inputs", "12", "--width", "16", "--json")


def only_row(capsys, *arguments):
    code, out, err = robnas(capsys, "theory", "fc:relu,relu:1", *SMALL, *arguments)
    assert code == 0, err
    return json.loads(out)["rows"][0]


def test_every_term_of_attacked_inputs_has_its_control_under_random_labels(capsys):
    row = only_row(capsys)
    control = row["random_labels"]
    assert set(control["lambda_min"]) == set(row["lambda_min"]) - {"clean"}
    assert set(control["bound"]) == set(row["bound"])
    assert set(control["noise"]) == {"clean", "robust"}
    assert row["bound"]["robust"] < control["bound"]["robust"]
    out = robnas(capsys, "theory", "fc:relu,relu:1", *SMALL[:-1])[1]
    assert f"    random attacks     {control['bound']['robust']:.4g}  (by the eigenvalue alone" in out
    assert f"    random labels      {control['noise']['clean']:.4g}\n" in out
    assert "attacks tell kernels their labels" in out


def test_what_contains_no_attacked_input_needs_no_control(capsys):
    control = only_row(capsys, "--beta", "0")["random_labels"]
    assert set(control["bound"]) == {"robust", "robust_spectral"}
    assert set(control["noise"]) == {"robust"}
    assert set(control["lambda_min"]) == {"robust", "twice", "mixed-twice"}
    code, out, _ = robnas(capsys, "theory", "fc:relu,relu:1", *SMALL[:-1], "--beta", "0")
    assert (code, out.count("random labels      ")) == (0, 1)


def test_the_control_can_be_left_out_and_changes_nothing(capsys):
    row, without = only_row(capsys), only_row(capsys, "--no-control")
    del row["random_labels"]
    assert row == without


def test_the_second_attack_can_be_made_on_a_second_initialisation(capsys):
    row, second = only_row(capsys), only_row(capsys, "--second-init")
    assert second["bound"]["clean"] == row["bound"]["clean"]  # of the first attack
    assert second["bound"]["robust"] != row["bound"]["robust"]
    assert second["lambda_min"]["robust"] == row["lambda_min"]["robust"]
    assert second["lambda_min"]["twice"] != row["lambda_min"]["twice"]


def test_rows_are_printed_as_they_are_ready(capsys, monkeypatch):
    from robnas.cli import _theory

    whole = _theory.row_of

    def interrupted(arch, *given, **named):
        if "tanh" in str(arch):
            raise KeyboardInterrupt
        return whole(arch, *given, **named)

    monkeypatch.setattr(_theory, "row_of", interrupted)
    code, out, _ = robnas(capsys, "theory", "fc:relu,relu:1", "fc:tanh,tanh:0", *SMALL[:-1])
    assert code == 130
    assert "fc:relu,relu:1\n  smallest eigenvalue" in out
    assert "fc:tanh,tanh:0" not in out
