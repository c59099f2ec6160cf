"""What stands in the place of batch norm in networks whose limit of infinite width is known."""

BRANCH_SCALINGS = ("unit", "centred", "he")
"""What happens where the benchmark has a batch norm: a map is divided by its root mean square; its mean per channel is
subtracted before; or it is left as it is."""
LEAST_VARIANCE = 1e-12
"""Share of the mean square that must be left when means are subtracted: below it, there is nothing but rounding."""
