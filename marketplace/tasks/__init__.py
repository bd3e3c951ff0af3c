"""Handlers of outbox messages and Celery tasks, one module for each business process.

Every module is imported here, so that whoever sends a message knows its topic.
"""

from marketplace.tasks import capacity, planning, production, proposals, settlement

__all__ = ["capacity", "planning", "production", "proposals", "settlement"]
