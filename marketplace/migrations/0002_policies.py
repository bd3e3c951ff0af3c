"""Policies of this app's tables, and the catalogue of processes."""

from django.db import migrations

from tenants.rls import BilateralTable, GlobalTable, OwnTable, TenantForeignKey, WorkerAccess

BUYER, SUPPLIER, PLATFORM = "buyer_id", "supplier_id", "platform_id"


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0001_initial"), ("scheduling", "0002_policies")]

    operations = [
        GlobalTable("marketplace_process"),
        GlobalTable("marketplace_capabilityattribute"),
        OwnTable("marketplace_capability"),
        OwnTable("marketplace_capacitywindow"),
        OwnTable("marketplace_listing"),
        OwnTable("marketplace_order"),
        OwnTable("marketplace_orderstep"),
        OwnTable("marketplace_commitment", "select, insert, update"),
        TenantForeignKey("marketplace_capability", "machine_id", "devices_machine"),
        TenantForeignKey("marketplace_capacitywindow", "machine_id", "devices_machine"),
        TenantForeignKey("marketplace_orderstep", "order_id", "marketplace_order"),
        BilateralTable("marketplace_planrequest", BUYER, PLATFORM, inserted_by=[BUYER]),
        BilateralTable("marketplace_plan", BUYER, PLATFORM, inserted_by=[PLATFORM]),
        BilateralTable("marketplace_offer", BUYER, SUPPLIER, inserted_by=[BUYER]),
        BilateralTable("marketplace_workorder", BUYER, SUPPLIER, inserted_by=[SUPPLIER]),
        BilateralTable("marketplace_operation", BUYER, SUPPLIER, inserted_by=[SUPPLIER]),
        BilateralTable(
            "marketplace_shipment", "sender_id", "receiver_id", inserted_by=["sender_id"]
        ),
        BilateralTable(
            "marketplace_shipmentline", "sender_id", "receiver_id", inserted_by=["sender_id"]
        ),
        BilateralTable("marketplace_funding", BUYER, PLATFORM, inserted_by=[BUYER]),
        BilateralTable(
            "marketplace_release", BUYER, PLATFORM, inserted_by=[BUYER], updated_by=[PLATFORM]
        ),
        # The sweep finds lapsed offers of all organisations and hands each on by the outbox.
        WorkerAccess("marketplace_offer", "app_sweep", "select"),
        WorkerAccess("tenants_outboxmessage", "app_sweep", "select, insert"),
    ]
