"""How values go out: the journal drained over MQTT, the twin and its status."""
