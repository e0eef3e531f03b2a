"""Commands to devices: kept, sent when the device is there, ended by its reply or by their expiry."""
