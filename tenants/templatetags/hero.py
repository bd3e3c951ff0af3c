"""The drawing on the landing page: idle windows of several shops, filled by one order."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.templatetags.svg import join, picture, tag

register = template.Library()

SHOPS = (
    (((0, 96), (250, 96)), ((104, 138, "ok"),)),
    (((0, 62), (214, 40), (386, 94)), ((70, 136, "ok"), (262, 116, "info"))),
    (((0, 140), (300, 88)), ((148, 144, "info"),)),
    (((0, 34), (190, 150)), ((42, 140, "ok"), (348, 122, "vio"))),
    (((0, 110), (356, 124)), ((118, 108, "info"), (234, 114, "vio"))),
    (((0, 188), (330, 70)), ((196, 126, "vio"),)),
)
"""For each shop its own work (x, width), and the pieces of the one order (x, width, step)."""
ROW = 46


@register.simple_tag
def hero_drawing() -> SafeString:
    """Draw one order running through the idle hours of six shops; an illustration, not data.

    `{% hero_drawing %}`
    """
    parts: list[object] = []
    for position, (own, pieces) in enumerate(SHOPS):
        y = 16 + position * ROW
        parts.append(tag("rect", x="0", y=y, width="480", height="30", rx="6", class_="track"))
        parts += [
            tag("rect", x=x, y=y + 4, width=width, height="22", rx="4", class_="own")
            for x, width in own
        ]
        parts += [
            tag("rect", x=x, y=y + 4, width=width, height="22", rx="4", class_=f"fill tone-{step}")
            for x, width, step in pieces
        ]
    label = _("One order runs through the idle hours of six workshops")
    drawing = picture(
        parts, width=480, height=16 + len(SHOPS) * ROW, label=label, css="hero-drawing"
    )
    legend = format_html(
        '<ul class="legend"><li class="tone-off"><i></i>{}</li><li class="tone-ok"><i></i>{}</li>'
        '<li class="tone-info"><i></i>{}</li><li class="tone-vio"><i></i>{}</li></ul>',
        _("The shop's own work"),
        _("One order: first step"),
        _("second step"),
        _("third step"),
    )
    return join([drawing, legend])
