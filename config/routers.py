"""Only the schema's owner migrates; every other alias is a role that owns nothing."""


class OwnerMigrates:
    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == "owner"
