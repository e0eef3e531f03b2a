"""Who may see the pages and the API, and who may change something there."""
