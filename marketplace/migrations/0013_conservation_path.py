"""The triggers that conserve quantity read our tables, whatever the session has of its own."""

from django.db import migrations

FUNCTIONS = ("marketplace_lot_conserved()", "marketplace_line_conserved()")


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0012_corrections")]

    operations = [
        migrations.RunSQL(
            sql=[
                (f"alter function {function} set search_path = pg_catalog, public, pg_temp", None)
                for function in FUNCTIONS
            ]
        ),
    ]
