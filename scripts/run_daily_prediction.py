"""Run the whole morning: the same as `forecastlab daily`, with the same flags.

python scripts/run_daily_prediction.py --dry-run
"""

import sys

from forecastlab.cli import main

sys.argv[1:1] = ["daily"]
main()
