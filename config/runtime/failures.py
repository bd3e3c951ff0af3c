"""The one kind of error that ends a start with a sentence instead of a traceback."""


class CannotRun(Exception):
    """The servers cannot be run as asked; the text says why and what to do."""
