"""From findings to what people read: Markdown, pictures, JSON and lines for the terminal.

Forms of output enter; nothing here simulates or judges.
"""
