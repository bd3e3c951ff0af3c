"""Handlers of outbox messages and Celery tasks, one module for each business process.

Every module is imported here, so that whoever sends a message knows its topic.
"""

__all__: list[str] = []
