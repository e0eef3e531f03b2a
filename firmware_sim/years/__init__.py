"""Years of many sites at once: the plants of this package stepped together in arrays, and failures without a name."""
