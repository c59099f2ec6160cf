"""AutoAttack of the library with fewer steps: whoever runs it, by robnas or by itself, gets the same."""

from contextlib import contextmanager

import pytest


@contextmanager
def short_autoattack(steps=20, queries=300):
    """Until the end, 20 instead of 100 steps of each attack with gradients, and 300 instead of 5,000 queries."""
    from pyautoattack import AutoAttack as Library

    made = Library.__init__

    def make(self, *args, **settings):
        made(self, *args, **settings)
        self.apgd.n_iter = self.apgd_targeted.n_iter = self.fab.n_iter = steps
        self.square.n_queries = queries

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Library, "__init__", make)
        yield
