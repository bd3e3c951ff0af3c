"""The catalogue: processes and what a machine must be able to hold for each."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

Words = list[tuple[str, str, str]]

METALS: Words = [
    ("aluminium", "Aluminium", "铝"),
    ("mild-steel", "Mild steel", "低碳钢"),
    ("stainless-steel", "Stainless steel", "不锈钢"),
    ("tool-steel", "Tool steel", "工具钢"),
    ("brass", "Brass", "黄铜"),
    ("copper", "Copper", "铜"),
    ("titanium", "Titanium", "钛"),
]
PLASTICS: Words = [
    ("abs", "ABS", "ABS"),
    ("pp", "PP", "PP"),
    ("pe", "PE", "PE"),
    ("pa", "PA (nylon)", "PA（尼龙）"),
    ("pc", "PC", "PC"),
    ("pom", "POM", "POM"),
]
WOODS: Words = [
    ("mdf", "MDF", "中纤板"),
    ("particle-board", "Particle board", "刨花板"),
    ("plywood", "Plywood", "胶合板"),
    ("solid-wood", "Solid wood", "实木"),
]
TEXTILES: Words = [
    ("cotton", "Cotton", "棉"),
    ("polyester", "Polyester", "涤纶"),
    ("denim", "Denim", "牛仔布"),
    ("leather", "Leather", "皮革"),
]
FILM_CLASSES: Words = [
    ("engineering", "Engineering grade", "工程级"),
    ("high-intensity", "High intensity", "高强级"),
    ("prismatic", "Micro-prismatic", "微棱镜级"),
]
IT_GRADES: Words = [(f"it{n}", f"IT{n}", f"IT{n}") for n in range(5, 14)]

MATERIAL = ("material", "Material", "材料")
GRADE = ("tolerance", "Tolerance class", "公差等级", "", IT_GRADES)
LENGTH = ("max_length_mm", "Greatest length", "最大长度", "mm", None)
WIDTH = ("max_width_mm", "Greatest width", "最大宽度", "mm", None)
HEIGHT = ("max_height_mm", "Greatest height", "最大高度", "mm", None)
THICKNESS = ("max_thickness_mm", "Greatest thickness", "最大厚度", "mm", None)
DIAMETER = ("max_diameter_mm", "Greatest diameter", "最大直径", "mm", None)
MASS = ("max_mass_kg", "Greatest mass", "最大质量", "kg", None)
CLAMPING = ("clamping_force_t", "Clamping force", "锁模力", "t", None)
SHOT = ("max_shot_g", "Greatest shot", "最大注射量", "g", None)
FORCE = ("press_force_t", "Press force", "压力", "t", None)


def _of(words: Words) -> tuple[str, str, str, str, Words]:
    return (*MATERIAL, "", words)


ALL_MATERIALS = METALS + PLASTICS + WOODS
SHEET = [_of(METALS), LENGTH, WIDTH, THICKNESS]
PLATE = [_of(METALS[:3]), LENGTH, WIDTH]
PROCESSES: list[tuple[str, str, str, list[tuple[Any, ...]]]] = [
    ("blanking", "Blanking", "落料", [*SHEET, FORCE]),
    (
        "reflective-film",
        "Reflective film",
        "贴反光膜",
        [*PLATE, ("film_class", "Film class", "膜等级", "", FILM_CLASSES)],
    ),
    ("embossing", "Embossing", "压字", [*PLATE, FORCE]),
    ("hot-stamp-pack", "Hot-stamp and pack", "烫印包装", [LENGTH, WIDTH]),
    (
        "cnc-milling",
        "CNC milling",
        "数控铣",
        [_of(METALS + PLASTICS), LENGTH, WIDTH, HEIGHT, GRADE],
    ),
    ("cnc-turning", "CNC turning", "数控车", [_of(METALS + PLASTICS), LENGTH, DIAMETER, GRADE]),
    ("drilling", "Drilling and tapping", "钻孔攻丝", [_of(METALS), LENGTH, WIDTH, DIAMETER]),
    ("grinding", "Grinding", "磨削", [_of(METALS), LENGTH, WIDTH, GRADE]),
    ("wire-edm", "Wire EDM", "线切割", [_of(METALS), LENGTH, WIDTH, HEIGHT, GRADE]),
    ("laser-cutting", "Laser cutting", "激光切割", SHEET),
    ("press-braking", "Press braking", "折弯", [*SHEET, FORCE]),
    ("stamping", "Stamping", "冲压", [*SHEET, FORCE]),
    ("welding", "Welding", "焊接", [_of(METALS), LENGTH, THICKNESS]),
    ("die-casting", "Die casting", "压铸", [_of([METALS[0], METALS[4]]), CLAMPING, MASS]),
    ("forging", "Forging", "锻造", [_of(METALS), FORCE, MASS]),
    ("heat-treatment", "Heat treatment", "热处理", [_of(METALS), LENGTH, MASS]),
    ("injection-moulding", "Injection moulding", "注塑", [_of(PLASTICS), CLAMPING, SHOT]),
    ("blow-moulding", "Blow moulding", "吹塑", [_of(PLASTICS), HEIGHT]),
    ("extrusion", "Extrusion", "挤出", [_of([METALS[0], *PLASTICS]), LENGTH, WIDTH]),
    ("printing-3d", "3D printing", "3D 打印", [_of(METALS + PLASTICS), LENGTH, WIDTH, HEIGHT]),
    ("anodising", "Anodising", "阳极氧化", [LENGTH, WIDTH]),
    ("electroplating", "Electroplating", "电镀", [_of(METALS), LENGTH, WIDTH]),
    ("powder-coating", "Powder coating", "粉末喷涂", [_of(METALS), LENGTH, WIDTH, HEIGHT]),
    ("spraying", "Spray painting", "喷漆", [_of(ALL_MATERIALS), LENGTH, WIDTH, HEIGHT]),
    ("smt", "SMT assembly", "SMT 贴片", [LENGTH, WIDTH]),
    ("wood-cutting", "Wood cutting", "木材开料", [_of(WOODS), LENGTH, WIDTH, THICKNESS]),
    ("edge-banding", "Edge banding", "封边", [_of(WOODS), LENGTH, THICKNESS]),
    ("sewing", "Sewing", "缝纫", [_of(TEXTILES)]),
    ("printing", "Printing", "印刷", [LENGTH, WIDTH]),
    ("assembly", "Assembly", "装配", [LENGTH, MASS]),
    ("inspection", "Inspection", "检验", [LENGTH, WIDTH, HEIGHT]),
    ("packing", "Packing", "包装", [LENGTH, WIDTH, MASS]),
]


def seed(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Enter every process with its attributes, in the order in which they are shown."""
    process_model = apps.get_model("marketplace", "Process")
    attribute_model = apps.get_model("marketplace", "CapabilityAttribute")
    alias = editor.connection.alias
    for position, (code, name, name_zh, attributes) in enumerate(PROCESSES):
        process = process_model.objects.using(alias).create(
            code=code, name=name, name_zh=name_zh, position=position
        )
        attribute_model.objects.using(alias).bulk_create(
            attribute_model(
                process=process,
                code=attribute_code,
                name=attribute_name,
                name_zh=attribute_name_zh,
                unit=unit,
                is_choice=words is not None,
                choices=[
                    dict(zip(("code", "name", "name_zh"), w, strict=True)) for w in words or []
                ],
            )
            for attribute_code, attribute_name, attribute_name_zh, unit, words in attributes
        )


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0003_capacity")]

    operations = [migrations.RunPython(seed)]
