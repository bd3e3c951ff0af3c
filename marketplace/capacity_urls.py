"""Pages of machines and idle time."""

from django.urls import URLPattern, URLResolver, path

from marketplace.views import capacity, imports, machines


def import_paths(folder: str, name: str, kind: str) -> list[URLPattern]:
    """Return the steps of a CSV import: choose, look, take, and what was left out."""
    known = {"kind": kind}
    return [
        path(f"supplier/{folder}/import/", imports.choose, known, name=name),
        path(
            f"supplier/{folder}/import/template/", imports.template, known, name=f"{name}_template"
        ),
        *(
            path(
                f"supplier/{folder}/import/<str:token>/{step}/", view, known, name=f"{name}_{step}"
            )
            for step, view in (
                ("preview", imports.preview),
                ("take", imports.take),
                ("failed", imports.failed),
                ("left", imports.left),
            )
        ),
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    path("supplier/machines/", machines.machines, name="machines"),
    path("supplier/machines/new/", machines.machine_new, name="machine_new"),
    path("supplier/machines/process-fields/", machines.ability_fields, name="ability_fields"),
    path("supplier/machines/<uuid:uid>/change/", machines.machine_edit, name="machine_edit"),
    path("supplier/machines/<uuid:uid>/archive/", machines.machine_archive, name="machine_archive"),
    path("supplier/machines/<uuid:uid>/restore/", machines.machine_restore, name="machine_restore"),
    *import_paths("machines", "machine_import", "machines"),
    path("supplier/machines/<uuid:uid>/learned/", machines.machine_learned, name="machine_learned"),
    path(
        "supplier/machines/<uuid:uid>/learned/use/",
        machines.machine_learned_use,
        name="machine_learned_use",
    ),
    path("supplier/capacity/", capacity.capacity, name="capacity"),
    path("supplier/capacity/draw/", capacity.capacity_draw, name="capacity_draw"),
    path("supplier/capacity/idle/", capacity.capacity_idle_nights, name="capacity_idle_nights"),
    path("supplier/capacity/list/", capacity.capacity_list, name="capacity_list"),
    path("supplier/capacity/withdraw/", capacity.capacity_withdraw, name="capacity_withdraw"),
    *import_paths("capacity", "capacity_import", "capacity"),
]
