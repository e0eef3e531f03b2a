"""The aggregator: what runs in the data centre. Of the agent it knows `agent.domain` only."""
