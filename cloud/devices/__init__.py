"""Devices at the door: the HTTPS listener that takes what they post and hands over what is addressed to them."""
