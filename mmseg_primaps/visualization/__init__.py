"""Pictures of results."""

from .clusters import cluster_sheet, example_crop
from .colours import colour_map, colour_proposals, distinct_palette, overlay
from .panel import legend_strip, panel, save_png

__all__ = [
    'cluster_sheet',
    'colour_map',
    'colour_proposals',
    'distinct_palette',
    'example_crop',
    'legend_strip',
    'overlay',
    'panel',
    'save_png',
]
