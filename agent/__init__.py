"""The agent: what runs in the boiler room.

Its heart, ``agent.domain``, is pure and is also what the aggregator and the data scientist import: the device owns its
words (signals, faults, sequence numbers) and everybody else reads them.
"""

__version__ = "0.1.0"
