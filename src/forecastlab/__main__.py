"""`python -m forecastlab` is the command line."""

from forecastlab.cli import main

main()
