"""What a learned model says of a site. Nothing heavy is loaded before a model is enabled."""
