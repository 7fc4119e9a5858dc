"""What a run leaves: the layout of its directory, and the schemas of its logs, samples and tables with units."""
