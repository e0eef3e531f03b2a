"""What the fleet wishes of this device: configurations tried and taken back, and commands run at most once."""
