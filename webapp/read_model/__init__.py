"""What lies in a store, as the pages read it.

problems    what could not be read, and why
reader      bytes and listings, each asked for again only after a while
parsed      documents that are created once, parsed once
ledger      all forecasts of a deployment as one table, with outcomes
deployment  everything of one deployment
library     the deployments of a store, its candles and its clock
"""
