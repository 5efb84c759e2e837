"""``python -m rsft``: the command line of the checkout that the current folder is in."""

from rsft.cli import main

main()
