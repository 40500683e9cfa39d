"""The collector of cycles looks less often, and never at what the imports left.

Else it takes a sixteenth of a run; what forgets to close a file is found as before, at the end.
"""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Set what has been imported and collected aside."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 20, 20)
