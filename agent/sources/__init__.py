"""How values come in: profiles, block planning, Modbus, and the poller that never waits for a dead device."""
