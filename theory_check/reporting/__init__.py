"""From findings to what people read: Markdown, figures, machine-readable results, the terminal.

It knows findings, not how they came about.
"""
