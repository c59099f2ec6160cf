import json

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.search import NSGA2, Function, RandomSearch, Task, Trace, repeat, run
from tests.search.conftest import partial_table, synthetic
from tests.search.spaces import TOY, value_of


def traces():
    several = Task.named(synthetic(), "cifar10", ("clean", "pgd@8/255"), split="validation", costs="macs")
    holes = Task.named(partial_table(60, missing=range(6)), "cifar10", "clean")
    yield run(NSGA2(population=4), several, 15, 0)
    yield run(RandomSearch(), holes, 60, 0)
    yield run(RandomSearch(), Function(value_of, TOY), 10, 0)


def test_a_trace_comes_back_from_its_plain_values():
    for trace in traces():
        plain = json.loads(json.dumps(trace.to_dict(), allow_nan=False))
        found = Trace.from_dict(plain, space=TOY if trace.space == "toy" else None)
        assert found.to_dict() == plain
        assert found.architectures == trace.architectures
        assert np.array_equal(found.values, trace.values)
        assert np.array_equal(found.incumbents, trace.incumbents)
        assert str(found) == str(trace)
        assert found.to_pandas().equals(trace.to_pandas())


def test_a_frame_has_a_row_per_query_with_values_as_measured():
    several, holes, function = (trace.to_pandas() for trace in traces())
    assert several.index.tolist() == list(range(1, 16))
    assert list(several) == [
        "architecture", "cifar10 validation clean", "cifar10 validation pgd@8/255", "macs",
        "reported cifar10 validation clean", "reported cifar10 validation pgd@8/255", "reported macs",
        "incumbent", "regret", "questions",
    ]  # fmt: skip
    assert (several["macs"] > 0).all()
    assert holes["cifar10 test clean"].isna().sum() == 6
    assert "regret" not in function


def test_a_result_has_a_row_per_run():
    result = repeat(RandomSearch(), Task.named(synthetic(), "cifar10", "clean", split="test"), 6, 3, checkpoints=(2,))
    frame = result.to_pandas()
    assert frame.index.tolist() == [0, 1, 2]
    assert list(frame) == ["architecture", "reported cifar10 test clean", "regret at 2", "regret at 6", "reached"]
    assert frame["regret at 6"].tolist() == result.regrets[:, 1].tolist()


@pytest.mark.parametrize(
    "change",
    [{"values": [[1.0]]}, {"task": 3}, {"questions": None}, {"regret": [0.5]}, {"seed": "x"}, {"budget": None},
     {"stopped": "x"}, {"unit": "minutes"}, {"duplicates": 0.5}, {"algorithm": 3}, {"settings": []}],
    ids=str,
)  # fmt: skip
def test_what_is_no_trace_is_one_line(change):
    plain = next(traces()).to_dict()
    with pytest.raises(InputError, match=r"trace: expected the plain values of Trace\.to_dict, got"):
        Trace.from_dict({**plain, **change})


def test_numpy_numbers_become_those_of_json():
    task = Task.named(synthetic(), "cifar10", "clean", split="test")
    found = repeat(RandomSearch(), task, np.int64(6), np.int64(2), seed=np.int64(1), checkpoints=(np.int64(3),))
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["budget"], plain["runs"], plain["seed"], plain["checkpoints"]) == (6, 2, 1, [3, 6])
