"""The command where only the interpreter is known: ``python -m imagequarry.cli``."""

from imagequarry.cli import main

main()
