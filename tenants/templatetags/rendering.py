"""Render one component template with just the values it names."""

from __future__ import annotations

from django.template import Context
from django.utils.safestring import SafeString

PASSED_ON = ("request", "csrf_token", "csp_nonce", "site_clock", "now")


def render_component(context: Context, template_name: str, /, **values: object) -> SafeString:
    """Render `template_name` with `values` and the few names every component may need.

    Context processors do not run again, so a component costs its own text only.
    """
    engine = context.template.engine  # type: ignore[union-attr]
    kept = {key: context[key] for key in PASSED_ON if key in context}
    return engine.get_template(template_name).render(context.new(kept | values))
