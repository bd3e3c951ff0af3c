"""What a pooled connection forgets before its next request."""

from __future__ import annotations

from psycopg import Connection


def reset_connection(connection: Connection) -> None:
    """Return the session's own settings to the role's defaults.

    Only ours: RESET ALL would drop the time zone that Django sets once per connection.
    """
    autocommit, connection.autocommit = connection.autocommit, True
    connection.execute("RESET app.tenant_id")
    connection.execute("RESET app.person_id")
    connection.execute("RESET row_security")
    connection.autocommit = autocommit
