"""What no file is kept of yet, by page and start of the table's header or of the line, and the numbers of pictures."""

TIMES = "times of one machine: benchmarks/RECORDS.md, and the script that the text names"
SETTINGS = "settings and definitions, nothing measured"

OWED: dict[str, dict[str, str]] = {
    "build.md": {"| C | epochs |": "experiments/digits_recipe.py"},
    "completed.md": {"| where |": SETTINGS},
    "protocol.md": {"| preset |": SETTINGS},
    "proxies.md": {
        "| proxy | `323133` |": TIMES,
        "The definitions of `epe_nas`": "experiments/published_batches.py",
    },
    "reliability.md": {"| promise |": SETTINGS},
    "scale.md": {"| machines |": "experiments/scale.py writes it from measured rates"},
    "search.md": {
        "| | noiseless |": "BANANAS, predictor-evolution, Optuna: `robnas search` with search.toml, hours",
        "| | 20 · 50 · 150 queries |": "Optuna: the same command",
    },
    "speed.md": {
        "| architecture | baseline |": TIMES,
        "| architecture | hours alone |": TIMES,
        "| cells per stage | images |": TIMES,
    },
    "statistics.md": {
        "| column | what it is |": SETTINGS,
    },
}

PICTURES: dict[str, str | None] = {
    "beta-kernels.png": "experiments/results/beta/orders.csv",
    "bound-vs-error.png": "experiments/results/bounds/correlations.csv",
    "corruptions-vs-pgd.png": "experiments/results/corruptions/corruptions.md",
    "corruptions.png": None,  # images
    "demo.png": None,  # of `robnas demo`, which trains what it shows
    "digits-beta.png": "experiments/results/digits-beta/fronts.csv",
    "explorer-map.png": None,  # the page itself
    "explorer.png": None,  # the page itself
    "fidelity.png": "experiments/results/fidelity/fidelity.csv",
    "figure5.png": "experiments/results/figure5/figure5.csv",
    "moving-kernels.png": "experiments/results/moving/pictured.csv",
    "robust-score.png": "experiments/results/proxies/robust_score.csv",
    "search.png": None,  # `robnas search --config experiments/search.toml`
    "surrogates.png": "experiments/results/surrogates/assessments.csv",
}
"""None where nothing is measured or, as said, no file is kept."""
