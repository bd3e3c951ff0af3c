"""A purpose for drills: requests that are answered and never chosen."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0014_share_limits")]

    operations = [
        migrations.AlterField(
            model_name="planrequest",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("inquiry", "Inquiry"),
                    ("order", "Order"),
                    ("share", "Returned share"),
                    ("drill", "What if a factory stops"),
                ],
                default="order",
                max_length=8,
            ),
        ),
    ]
