"""All benchmarks, in the order of a run: what is light and short first, what fills the cores last.

Each is a module of this folder and writes a file of its name. What takes too long for every run, or
asks for another machine, is `APART`: one runs it by its own command, or with `--all`.
"""

from __future__ import annotations

from typing import Final

BENCHMARKS: Final[dict[str, int]] = {
    "cold_start": 20,
    "imports": 60,
    "record": 8,
    "commands": 70,
    "features": 30,
    "bootstrap": 6,
    "sequence_inference": 20,
    "service_shell": 15,
    "analyst": 25,
    "signals": 30,
    "dashboard": 60,
    "sequence_training": 20,
    "serving": 120,
    "original_table": 110,
    "grid": 160,
}
"""Name -> seconds that it takes, about, on two cores."""

APART: Final[dict[str, str]] = {
    "sequence_training_gpu": "it needs a GPU",
    "audit": "it trains the quick recipes and proves for minutes",
    "network_options": "it answers a question of the past, and trains for minutes",
    "speed": "it compares with an earlier commit",
    "suite": "it is the test suite, of minutes",
}
"""Name -> why it is no part of a run."""
