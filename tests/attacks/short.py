"""Attacks of the library with fewer steps: whoever runs them, by robnas or by itself, gets the same."""

from contextlib import contextmanager

import pytest


@contextmanager
def short_autoattack(steps=20, queries=300):
    """Until the end at most 20 steps of each attack with gradients, not 100, and 300 queries, not 5,000."""
    from pyautoattack import AutoAttack
    from pyautoattack.autopgd_base import APGDAttack
    from pyautoattack.square import SquareAttack

    with pytest.MonkeyPatch.context() as patch:

        def shorten(kind, change):
            made = kind.__init__

            def make(self, *args, **settings):
                made(self, *args, **settings)
                change(self)

            patch.setattr(kind, "__init__", make)

        def fewer_steps(attack):
            attack.n_iter = min(attack.n_iter, steps)

        def fewer_queries(attack):
            attack.n_queries = min(attack.n_queries, queries)

        def all_fewer(attack):
            for one in (attack.apgd, attack.apgd_targeted, attack.fab):
                fewer_steps(one)
            fewer_queries(attack.square)

        shorten(APGDAttack, fewer_steps)
        shorten(SquareAttack, fewer_queries)
        shorten(AutoAttack, all_fewer)
        yield
