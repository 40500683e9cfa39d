"""Train the production bundle: the same as `forecastlab train config/reversal.toml`, plus flags.

python scripts/train_production_models.py --source file:candles/ --until 2025-09-30
"""

import sys

from forecastlab.cli import main

sys.argv[1:1] = ["train", "config/reversal.toml"]
main()
