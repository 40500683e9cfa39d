"""Mornings in a row with the faults of real life: a plan of days, what strikes, what must hold.

plan        which fault strikes on which day: seven mornings written down, or any number drawn
faults      what each of them does, and what must be seen of it afterwards
signs       what can be seen: exit codes, documents of the store, messages
exchange    two hosts on loopback that replay a simulated market, day by day
desk        a machine with a store, a set clock, and the real command line
process     the same command line in a process of its own, to be killed or doubled
holds       what must hold after every day, and at the end
footprint   what the process holds: memory, files, threads
soak        lives through a plan; `python -m tests.soak` is the long form
"""
