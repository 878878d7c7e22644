"""Backbones that mmseg does not have: any ViT of timm, any network of torchvision, hand-crafted features."""

from .presets import VIT_PRESETS, ViTPreset, find_preset
from .timm_vit import TimmViT

__all__ = ['VIT_PRESETS', 'TimmViT', 'ViTPreset', 'find_preset']
