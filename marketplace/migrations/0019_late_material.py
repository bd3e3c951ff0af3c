"""When a firm says that the material of a work order comes."""

from django.db import migrations, models

# As in 0018, with `material_at`.
PARTIES = """
drop trigger parties_write on marketplace_workorder;
create trigger parties_write before update on marketplace_workorder
    for each row execute function parties_write(
        'buyer_id', '{}', '{confirmed>cancelled}',
        'supplier_id',
        '{claimed_good,claimed_scrap,counted,counted_at,started_at,completed_at,starts_at,ends_at,material_at}',
        '{confirmed>released,released>in_process,released>completed,in_process>completed}')
"""


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0018_proposals")]

    operations = [
        migrations.AddField("workorder", "material_at", models.DateTimeField(null=True)),
        migrations.RunSQL(sql=[(PARTIES, None)]),
    ]
