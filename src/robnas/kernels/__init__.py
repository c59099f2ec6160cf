"""Neural tangent kernels, empirical and of infinite width, clean and robust; their spectra, bounds and scores."""

from typing import TYPE_CHECKING

from robnas import _lazy

if TYPE_CHECKING:
    from robnas.kernels._adversarial_regression import AdvNTK as AdvNTK
    from robnas.kernels._adversarial_regression import mixed_regression as mixed_regression
    from robnas.kernels._bounds import generalization_bound as generalization_bound
    from robnas.kernels._bounds import hermite_bound as hermite_bound
    from robnas.kernels._bounds import perturbation_bound as perturbation_bound
    from robnas.kernels._bounds import schur_bound as schur_bound
    from robnas.kernels._bounds import weyl_bound as weyl_bound
    from robnas.kernels._empirical import empirical_kernels as empirical_kernels
    from robnas.kernels._empirical import empirical_ntk as empirical_ntk
    from robnas.kernels._empirical_kernel import EmpiricalKernel as EmpiricalKernel
    from robnas.kernels._generalization import Bound as Bound
    from robnas.kernels._gradients import LayerRule as LayerRule
    from robnas.kernels._gradients import add_rule as add_rule
    from robnas.kernels._gradients import by_autograd as by_autograd
    from robnas.kernels._infinite import infinite_kernels as infinite_kernels
    from robnas.kernels._infinite import infinite_nngp as infinite_nngp
    from robnas.kernels._infinite import infinite_ntk as infinite_ntk
    from robnas.kernels._infinite import unit_sphere as unit_sphere
    from robnas.kernels._jacobian import KernelWarning as KernelWarning
    from robnas.kernels._kernel import DifferentiableKernel as DifferentiableKernel
    from robnas.kernels._kernel import InfiniteKernel as InfiniteKernel
    from robnas.kernels._kernel import Kernel as Kernel
    from robnas.kernels._kernel import MatrixKernel as MatrixKernel
    from robnas.kernels._kernel_attacks import KernelNetwork as KernelNetwork
    from robnas.kernels._kernel_attacks import attack_regression as attack_regression
    from robnas.kernels._kernel_attacks import robust_accuracy as robust_accuracy
    from robnas.kernels._kernels import RobustKernels as RobustKernels
    from robnas.kernels._leak import random_labels as random_labels
    from robnas.kernels._moving import train_with_kernels as train_with_kernels
    from robnas.kernels._ntk_settings import NTKSettings as NTKSettings
    from robnas.kernels._one_pass import one_pass_sgd as one_pass_sgd
    from robnas.kernels._one_pass import zero_one_error as zero_one_error
    from robnas.kernels._path import PATH_MEASURES as PATH_MEASURES
    from robnas.kernels._path import KernelPath as KernelPath
    from robnas.kernels._regression import KernelRegression as KernelRegression
    from robnas.kernels._robust import robust_ntk as robust_ntk
    from robnas.kernels._scores import KERNELS as KERNELS
    from robnas.kernels._scores import SCORES as SCORES
    from robnas.kernels._scores import KernelProbe as KernelProbe
    from robnas.kernels._scores import KernelScore as KernelScore
    from robnas.kernels._scores import Probe as Probe
    from robnas.kernels._scores import Score as Score
    from robnas.kernels._scores import balanced_batch as balanced_batch
    from robnas.kernels._spectrum import MEASURES as MEASURES
    from robnas.kernels._spectrum import IndefiniteKernelError as IndefiniteKernelError
    from robnas.kernels._spectrum import NonFiniteKernelError as NonFiniteKernelError
    from robnas.kernels._spectrum import SingularKernelError as SingularKernelError
    from robnas.kernels._spectrum import eigenvalues as eigenvalues
    from robnas.kernels._spectrum import is_singular as is_singular
    from robnas.kernels._spectrum import label_alignment as label_alignment
    from robnas.kernels._sphere import SphereAttack as SphereAttack
    from robnas.kernels._sphere_kernel import SphereKernel as SphereKernel
    from robnas.kernels.nas_bench_201 import MEAN_FIELD as MEAN_FIELD
    from robnas.kernels.nas_bench_201 import CellKernels as CellKernels
    from robnas.kernels.nas_bench_201 import InfiniteCellKernel as InfiniteCellKernel
    from robnas.kernels.nas_bench_201 import Propagation as Propagation
    from robnas.kernels.nas_bench_201 import infinite_cell_kernels as infinite_cell_kernels
    from robnas.kernels.nas_bench_201 import infinite_cell_ntk as infinite_cell_ntk
    from robnas.kernels.nas_bench_201 import mean_field as mean_field
    from robnas.kernels.nas_bench_201 import signal_propagation as signal_propagation

_HOME = {
    "_adversarial_regression": ("AdvNTK", "mixed_regression"),
    "_generalization": ("Bound",),
    "_bounds": (
        "generalization_bound",
        "hermite_bound",
        "perturbation_bound",
        "schur_bound",
        "weyl_bound",
    ),
    "nas_bench_201": (
        "MEAN_FIELD",
        "CellKernels",
        "InfiniteCellKernel",
        "Propagation",
        "infinite_cell_kernels",
        "infinite_cell_ntk",
        "mean_field",
        "signal_propagation",
    ),
    "_ntk_settings": ("NTKSettings",),
    "_empirical": ("empirical_kernels", "empirical_ntk"),
    "_empirical_kernel": ("EmpiricalKernel",),
    "_infinite": ("infinite_kernels", "infinite_nngp", "infinite_ntk", "unit_sphere"),
    "_kernel": ("DifferentiableKernel", "InfiniteKernel", "Kernel", "MatrixKernel"),
    "_kernel_attacks": ("KernelNetwork", "attack_regression", "robust_accuracy"),
    "_gradients": ("LayerRule", "add_rule", "by_autograd"),
    "_jacobian": ("KernelWarning",),
    "_kernels": ("RobustKernels",),
    "_leak": ("random_labels",),
    "_moving": ("train_with_kernels",),
    "_one_pass": ("one_pass_sgd", "zero_one_error"),
    "_path": ("PATH_MEASURES", "KernelPath"),
    "_regression": ("KernelRegression",),
    "_robust": ("robust_ntk",),
    "_scores": ("KERNELS", "SCORES", "KernelProbe", "KernelScore", "Probe", "Score", "balanced_batch"),
    "_spectrum": (
        "MEASURES",
        "IndefiniteKernelError",
        "NonFiniteKernelError",
        "SingularKernelError",
        "eigenvalues",
        "is_singular",
        "label_alignment",
    ),
    "_sphere": ("SphereAttack",),
    "_sphere_kernel": ("SphereKernel",),
}
__getattr__, __dir__ = _lazy.attach(
    __name__, {name: f"{__name__}.{module}" for module, names in _HOME.items() for name in names}
)
