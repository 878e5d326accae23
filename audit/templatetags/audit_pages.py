"""What the templates of the trail's pages need: SVG of ``audit.charts``, figures in words."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import charts, render
from audit.charts import Rect
from audit.models import AuditRecord

register = template.Library()


@register.simple_tag
def svg_rect(rect: Rect, kind: str = "") -> SafeString:
    """A rectangle in the colour of its kind, or as a thing of class ``kind``; its title is shown on pointing at it."""
    title = format_html("<title>{}</title>", rect.title) if rect.title else ""
    return format_html(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}">{}</rect>',
        kind or f"k-{rect.kind}",
        rect.x,
        rect.y,
        rect.width,
        rect.height,
        title,
    )


@register.simple_tag
def tokens_in(row: AuditRecord) -> str:
    return charts.number(render.input_of(row)) if render.end_known(row) else render.DASH


@register.simple_tag
def tokens_out(row: AuditRecord) -> str:
    return charts.number(row.output_tokens) if render.end_known(row) else render.DASH


@register.simple_tag
def took(row: AuditRecord) -> str:
    return render.took(row)


register.filter("short", render.short)
register.filter("milliseconds", charts.milliseconds)
register.filter("number", charts.number)
