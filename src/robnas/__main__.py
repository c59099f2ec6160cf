"""``python -m robnas`` is ``robnas``."""

from robnas.cli import main

main()
