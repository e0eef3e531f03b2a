"""Who this device is: its key, its certificate, claim and renewal."""
