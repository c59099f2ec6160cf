"""Clean and PGD-20 accuracy of one architecture before and after a short adversarial training on CIFAR-10.

    python experiments/before_and_after.py --out runs/before-and-after

Real images, the published recipe cut to one cell per stage, 2 epochs of 10,000 images in batches of 64: some minutes
on two cores. The training resumes if it is interrupted.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from robnas.attacks import FGSM, PGD
from robnas.building import Source, Trial
from robnas.evaluation import Suite, evaluate
from robnas.spaces import Architecture, NASBench201
from robnas.training import Recipe
from robnas.types import ThreatModel


def main() -> None:
    """Measure, train, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="323133")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--cells", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--test-images", type=int, default=2_000)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    recipe = Recipe.nas_robbench_201().replace(epochs=args.epochs, batch_size=args.batch_size)
    trial = Trial(
        space=NASBench201(cells=args.cells),
        architecture=Architecture(args.architecture),
        source=Source(name=args.data, limit_train=args.images),
        recipe=recipe,
        seed=0,
    )
    data = trial.source.load(args.data_dir)
    threat = ThreatModel.linf("8/255")
    suite = Suite("before-and-after", (FGSM(threat), PGD(threat, 20, 2.5 * threat.epsilon / 20)))
    report = {
        "space": trial.space.to_dict(),
        "recipe": recipe.to_dict(),
        "train_images": args.images,
        "test_images": args.test_images,
    }
    for moment in ("before", "after"):
        begun = time.perf_counter()
        network = trial.network(data) if moment == "before" else trial.train(data, args.out)[0]
        report[f"{moment}_seconds"] = time.perf_counter() - begun
        found = evaluate(network, data, suite, split="test", seed=0, limit=args.test_images)
        report[moment] = {m.metric: [m.value, m.standard_error] for m in found.measurements}
        report[f"{moment}_warnings"] = found.warnings
        print(moment, {metric: f"{value:.4f} ±{error:.4f}" for metric, (value, error) in report[moment].items()})
    (args.out / "before-and-after.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
