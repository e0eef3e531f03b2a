"""What the installer sees: the wizard that connects a site and proves it, in a terminal or as a page on a phone."""
