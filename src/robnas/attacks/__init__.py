"""FGSM, PGD, APGD, Square, AutoAttack and attacks for training, on any `nn.Module` of pixels in [0, 1]."""

from collections.abc import Callable
from typing import Any

from robnas import _lazy
from robnas._randomness import seeded_randomness as seeded_randomness
from robnas._registry import Registry
from robnas.attacks._answers import Answers as Answers
from robnas.attacks._attack import Adversarial as Adversarial
from robnas.attacks._attack import Attack as Attack
from robnas.attacks._attack import PartedAttack as PartedAttack
from robnas.attacks._attack import check_radius as check_radius
from robnas.attacks._attack import metric_of as metric_of
from robnas.attacks._attack import parameter_dtype as parameter_dtype
from robnas.attacks._attack import perturb as perturb
from robnas.attacks._attack import predict as predict
from robnas.attacks._ball import Ball as Ball
from robnas.attacks._ball import clip_to_ball as clip_to_ball
from robnas.attacks._checks import check_classes as check_classes
from robnas.attacks._checks import check_images as check_images
from robnas.attacks._checks import check_labels as check_labels
from robnas.attacks._checks import check_logits as check_logits
from robnas.attacks._frozen import Victim as Victim
from robnas.attacks._frozen import frozen as frozen
from robnas.attacks._frozen import victim_of as victim_of
from robnas.attacks._geometry import GEOMETRIES as GEOMETRIES
from robnas.attacks._geometry import Geometry as Geometry
from robnas.attacks._geometry import geometry as geometry
from robnas.attacks._gradient import FGSM as FGSM
from robnas.attacks._gradient import PGD as PGD
from robnas.attacks._gradient import GradientAttack as GradientAttack
from robnas.attacks._gradient import ascend as ascend
from robnas.attacks._gradient import if_finite as if_finite
from robnas.attacks._gradient import summed_cross_entropy as summed_cross_entropy
from robnas.attacks._library import APGD as APGD
from robnas.attacks._library import AttackWarning as AttackWarning
from robnas.attacks._library import AutoAttack as AutoAttack
from robnas.attacks._library import Square as Square
from robnas.attacks._single_step import NFGSM as NFGSM
from robnas.attacks._single_step import RSFGSM as RSFGSM
from robnas.attacks._single_step import Free as Free
from robnas.types import check_attack_name

ATTACKS: Registry[Callable[..., Any]] = Registry(
    "attack",
    {"fgsm": FGSM, "pgd": PGD, "apgd": APGD, "square": Square, "autoattack": AutoAttack},
    Callable,
    lambda name, _: check_attack_name(name),
)
"""By the name that an attack has in metric keys."""

__dir__ = _lazy.listing(__name__)
