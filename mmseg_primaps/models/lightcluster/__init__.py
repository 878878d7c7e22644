"""What LightCluster is made of, from features to regions; the segmentor and the fitting stages share it."""

from .fitted import FittedClusters
from .levels import (
    CONSISTENT,
    LEVELS,
    PatchLevels,
    category_level,
    dataset_level,
    image_level,
    level_mask,
    patch_levels,
)
from .objects import picture_regions, pixel_mask, region_descriptions
from .options import LightClusterOptions
from .patches import PatchFeatures, patch_features, saliency_source

__all__ = [
    'CONSISTENT',
    'LEVELS',
    'FittedClusters',
    'LightClusterOptions',
    'PatchFeatures',
    'PatchLevels',
    'category_level',
    'dataset_level',
    'image_level',
    'level_mask',
    'patch_features',
    'patch_levels',
    'picture_regions',
    'pixel_mask',
    'region_descriptions',
    'saliency_source',
]
