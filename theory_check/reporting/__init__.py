"""Reports on a run: Markdown with pictures, machine-readable results, a summary for the terminal."""
