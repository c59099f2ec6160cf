"""A designed build that is killed at fixed places makes the choices of an undisturbed one, and trains nothing twice."""

import os
import subprocess
import sys
import textwrap

from robnas.records import RecordStore
from tests.building.designs import build, choices, designed, trained

DESIGN = {"kind": "active", "budget": 8, "start": 3, "batch": 2}
PLACES = ("choice 1", "training 1", "choice 2", "training 5", "choice 4")
"""Before the first choice is made, in the first training of a batch and of one that is half done, between batches."""

SCRIPT = """
    import os, signal, sys
    from pathlib import Path
    from robnas.records import RecordStore
    from tests.building.designs import Whimsical, build, designed
    from tests.building.oracle import Oracle

    def die(marks, place):
        if not (marks / place).exists():
            (marks / place).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    class Mortal(Whimsical):
        def choose(self, measured, count):
            sizes = {0: 1, 3: 2, 5: 3, 7: 4}
            if (place := f"choice {sizes.get(len(measured.rows))}") in PLACES:
                die(MARKS, place)
            return super().choose(measured, count)

    def mortal(self, trial, train=Oracle.__call__):
        begun = len(list(MARKS.glob("* begun")))
        (MARKS / f"{trial.hash} {begun} begun").touch()
        if (place := f"training {begun + 1}") in PLACES:
            die(MARKS, place)
        return train(self, trial)

    if __name__ == "__main__":
        url, MARKS, PLACES = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
        Oracle.__call__ = mortal
        expansion, lives = designed(%r), 0
        while True:
            lives += 1
            if (child := os.fork()) == 0:
                with RecordStore(url) as store:
                    build(expansion, store, Mortal())
                os._exit(0)
            if os.waitpid(child, 0)[1] == 0:
                break
        print(lives)
"""


def test_kills_at_fixed_places_change_no_choice(tmp_path):
    with RecordStore(f"sqlite:///{tmp_path}/calm.db") as store:
        build(designed(DESIGN), store)
        undisturbed = choices(store), trained(store), store.records()
    script, marks = tmp_path / "mortal.py", tmp_path / "marks"
    script.write_text(textwrap.dedent(SCRIPT % DESIGN))
    marks.mkdir()
    url = f"sqlite:///{tmp_path}/disturbed.db"
    done = subprocess.run(
        [sys.executable, str(script), url, str(marks), *PLACES],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((os.environ.get("PYTHONPATH", ""), os.getcwd()))},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert int(done.stdout) == len(PLACES) + 1, done.stderr
    with RecordStore(url) as store:
        assert (choices(store), trained(store), store.records()) == undisturbed
    begun = [path.name.split()[0] for path in marks.glob("* begun")]
    interrupted = sum(place.startswith("training") for place in PLACES)
    assert len(begun) == len(undisturbed[1]) + interrupted  # only what was not finished is begun again
