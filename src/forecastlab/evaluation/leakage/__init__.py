"""The leak prover: shows that no feature, label or model knew what it could not know. Pure.

What is under test is handed in as functions, so that a planted leak can be handed in too:

    L1  truncation      rows of a history cut at t equal those of the full history
    L2  poison          nonsense after t changes nothing at or before t
    L3                  both again, on probabilities and decisions
    L4  availability    every input was available at the as-of
    L5  purge           training labels resolved before the test block, and reach no forecast
    L6  label_window    a label depends on the closes t … t+T, on each of them, and on no other
    L7  start_up        the shortest history that gives the same decisions
    L8  null_controls   where there is nothing to find, `better` is not found

`altered_views` cuts and poisons candles by its own arithmetic: a market whose `as_of` shows too
much must not check itself. `culprit` names the candle that a value depends on.
"""
