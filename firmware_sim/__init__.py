"""Homes and boilers that lie on purpose. Of the agent it knows `agent.domain.signals` only, never a decoder."""
