"""What values mean: readings in, summaries, faults and reliability out."""
