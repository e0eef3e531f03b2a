"""What a whole fleet shows that one home cannot."""
