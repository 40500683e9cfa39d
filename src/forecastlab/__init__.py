"""ForecastLab: one dated, sealed forecast a day, next to how good such forecasts have really been.

The day, as data:

    candles ─▶ as-of view ─▶ features ─▶ champion bundle ─▶ record ─▶ predictions/daily/<asof>.json
                                         members ▶ rule      created once, chained, never rewritten

The layers; each imports only what stands above it:

    contracts    what the data means: candles, records, manifests, ports, errors
    targets features evaluation report analyst models
                 pure: no file, network, clock, environment or chance that is not an argument
    usecases     one verb per file: ports in, frozen result out
    adapters     the ports kept: Binance, files, the simulated market, stores, the lake, clocks
    settings     the environment, read once
    bootstrap    the only place that wires adapters to use cases
    api cli      thin shells: the HTTP service, and the commands

Where do I go to …

    add a feature?                   features/, then a line of features/catalogue.py
    add a learner?                   models/, then a line of models/catalogue.py
    add a target?                    targets/, then a line of targets/catalogue.py
    add a store?                     adapters/, then a line of bootstrap/stores.py
    add a candle source?             adapters/, then a line of bootstrap/sources.py
    add a page?                      webapp/screens/, then a line of webapp/app.py
    add an alert?                    evaluation/, then its name in evaluation/incidents.py
    add a command?                   cli/, then a line of cli/__init__.py
    add a setting?                   its group in settings/, as settings/serve.py
    add a part of the service?       api/, then its place in api/parts.py
    change what a candle, a record or a bundle may be?     contracts/
    change how methods are chosen or calibrated?           models/methods.py, models/prequential.py
    change a score, an interval, the verdict?              evaluation/
    see what happens each morning?                         usecases/morning.py
    change what a promotion must show?                     usecases/promotion/
    change what a language model is told, or may answer?   analyst/

docs/architecture.md says every step, and tests/extension/ adds one of each in just this way.
"""
