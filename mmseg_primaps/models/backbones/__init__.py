"""Backbones that mmseg does not have: any ViT of timm, any network of torchvision, hand-crafted features."""

from .colour_texture import ColourTexture
from .hybrid import HybridBackbone
from .presets import VIT_PRESETS, ViTPreset, find_preset
from .timm_vit import TimmViT
from .torchvision_backbone import TorchvisionBackbone

__all__ = [
    'VIT_PRESETS',
    'ColourTexture',
    'HybridBackbone',
    'TimmViT',
    'TorchvisionBackbone',
    'ViTPreset',
    'find_preset',
]
