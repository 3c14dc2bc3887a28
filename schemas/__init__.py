"""The contract on the wire and in the ledger.

Pydantic models, states, failure codes, queue and task names, ledger keys.
Nothing here does I/O or imports another package of docfleet.
"""
