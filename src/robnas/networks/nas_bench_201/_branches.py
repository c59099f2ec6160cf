"""What stands in the place of batch norm in networks whose limit of infinite width is known."""

BRANCH_SCALINGS = ("unit", "he")
"""Whether what a batch norm follows in the benchmark is divided by its root mean square, or left as it is."""
