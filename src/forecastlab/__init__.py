"""ForecastLab: one dated, sealed forecast a day, next to how good such forecasts have really been.

The day, as data:

    candles ─▶ as-of view ─▶ features ─▶ champion bundle ─▶ record ─▶ predictions/daily/<asof>.json
                                         members ▶ rule      created once, chained, never rewritten

The layers; each imports only what stands above it:

    contracts    what the data means: candles, records, manifests, ports, errors
    features targets evaluation models analyst report
                 pure: no I/O, no clock, no environment, no randomness
    usecases     one verb per file: ports in, frozen result out
    adapters     the ports kept: Binance, files, the simulated market, stores, the lake, clocks
    bootstrap    the only place that wires adapters to use cases
    cli api      thin shells: commands, and the HTTP service

Where do I go to …

    change what a candle, a record or a bundle may be?     contracts/
    add a feature?            features/ (a column and its catalogue entry), then build.py
    add a learner?            models/ (a Learner and a Model), one line in models/catalogue.py
    add a target?             targets/, one line in targets/catalogue.py
    change how methods are chosen or calibrated?           models/methods.py, models/prequential.py
    change a score, an interval, the verdict?              evaluation/
    add a candle source or a store?    adapters/ (keep the port), tests/contract/, bootstrap/
    see what happens each morning?                         usecases/morning.py
    change what a promotion must show?                     usecases/promotion/, then promote.py
    add an alert, or a way to be told?                     evaluation/*_rules.py, adapters/notify/
    add a part of the service?                             api/ (a Component), api/parts.py
    change what a language model is told, or may answer?   analyst/
    add a setting?                                         settings/ (and `.env.example`)
"""
