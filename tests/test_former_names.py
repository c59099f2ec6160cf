import importlib
import subprocess
import sys

import pytest

import robnas
from robnas import analysis, build, building, paper, proxies, reports, statistics, surrogates

NOW = [(analysis, room, name) for room in (statistics, reports, paper) for name in dir(room)]
NOW += [(build, building, name) for name in dir(building)]
NOW += [(proxies, surrogates, name) for name in ("FewShotPredictor", "fit_few_shot", "structure")]


def test_a_former_name_gives_what_is_there_now_and_says_once_where():
    with pytest.warns(DeprecationWarning, match=r"^robnas\.build\.Plan is now robnas\.building\.Plan$") as told:
        from robnas.build import Plan
    assert Plan is building.Plan
    assert [one.filename for one in told] == [__file__]


@pytest.mark.parametrize(("former", "room", "name"), NOW, ids=lambda value: getattr(value, "__name__", value))
def test_every_public_name_is_found_under_the_former_one(former, room, name):
    with pytest.warns(DeprecationWarning, match=rf"^{former.__name__}\.{name} is now {room.__name__}\.{name}$"):
        assert getattr(former, name) is getattr(room, name)


@pytest.mark.parametrize("former", ["analysis", "build"])
def test_former_names_are_not_listed_and_import_nothing_by_themselves(former):
    assert former not in dir(robnas)
    assert getattr(robnas, former) is importlib.import_module(f"robnas.{former}")
    code = (
        f"import sys, robnas; robnas.{former}; "
        "assert not {'torch', 'numpy', 'robnas.building', 'robnas.statistics', 'robnas.reports'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_former_names_list_what_the_rooms_of_today_have():
    assert dir(build) == dir(building)
    assert dir(analysis) == sorted([*dir(statistics), *dir(reports), *dir(paper)])  # no name twice


def test_a_name_that_never_was_says_where_to_look():
    with pytest.raises(AttributeError, match=r"^module 'robnas\.build', now robnas\.building, has no attribute 'no'$"):
        build.no  # noqa: B018


def test_a_probe_of_kernels_has_its_former_name():
    assert robnas.kernels.Probe is robnas.kernels.KernelProbe
