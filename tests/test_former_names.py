import subprocess
import sys

import pytest

import robnas
from robnas import build, building


def test_a_former_name_of_a_room_gives_what_is_there_now_and_says_so_once():
    with pytest.warns(DeprecationWarning, match=r"^robnas\.build\.Plan is now robnas\.building\.Plan$") as told:
        from robnas.build import Plan
    assert Plan is building.Plan
    assert [one.filename for one in told] == [__file__]


@pytest.mark.parametrize("name", dir(building))
def test_every_public_name_is_found_under_the_former_one(name):
    with pytest.warns(DeprecationWarning, match=rf"robnas\.building\.{name}$"):
        assert getattr(robnas.build, name) is getattr(building, name)


def test_former_names_are_not_listed_and_import_nothing_by_themselves():
    assert "build" not in dir(robnas)
    assert dir(build) == dir(building)
    code = "import sys, robnas.build; assert not {'torch', 'robnas.building'} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_a_name_that_never_was_says_where_to_look():
    with (
        warnings.catch_warnings(),
        pytest.raises(AttributeError, match=r"'robnas\.build', now robnas\.building, has no"),
    ):
        robnas.build.nothing  # noqa: B018
