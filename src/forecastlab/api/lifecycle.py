"""Where the service stands between its start and its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from forecastlab.api.component import Component

_log = logging.getLogger(__name__)


class Lifecycle:
    """Starts the components, says whether all can answer, and counts what is under way.

    Attributes:
        on_failed: called, from another thread, once a component cannot start.
        failure: why it cannot.
        in_flight: requests under way, the probes left out.
        ending: whether the service was told to end.
    """

    def __init__(self, components: Sequence[Component]) -> None:
        self.components = tuple(components)
        self.on_failed: Callable[[], object] = lambda: None
        self.failure: Exception | None = None
        self.in_flight = 0
        self.ending = False
        self._started: list[Component] = []
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether every component can answer, and the service goes on."""
        return not self.ending and not self.waiting_for()

    def waiting_for(self) -> tuple[str, ...]:
        """Return the names of the components that cannot answer."""
        started = list(self._started)
        return tuple(c.name for c in self.components if c not in started or not c.ready)

    def start(self) -> None:
        """Start the components in a thread that nobody waits for; the server answers meanwhile."""
        # A daemon, so that a service that is stopped while it loads models ends at once.
        threading.Thread(target=self._start_all, name="start", daemon=True).start()

    def stop(self) -> None:
        """Stop the components that were started, the last one first."""
        with self._lock:
            self._stopped = True
        for one in reversed(self._started):
            one.stop()

    def _keep(self, one: Component) -> bool:
        """Note a component that has started; False where the service ended meanwhile."""
        with self._lock:
            if not self._stopped:
                self._started.append(one)
            return not self._stopped

    def _start_all(self) -> None:
        try:
            for one in self.components:
                if self._stopped:
                    return
                one.start()
                if not self._keep(one):
                    one.stop()
        except Exception as error:  # noqa: BLE001 - a thread's shell: the main thread raises it
            self.failure = error
            self.on_failed()
