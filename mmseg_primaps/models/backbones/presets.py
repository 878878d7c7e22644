"""Short names of self-supervised ViTs: which timm model, which input size, which position embedding."""

from dataclasses import dataclass
from typing import Literal

PositionInterpolation = Literal['original', 'timm']


@dataclass(frozen=True)
class ViTPreset:
    """What a short backbone name stands for.

    Attributes:
        timm_name: Name that :func:`timm.create_model` knows.
        image_size: Side of the square input of the published protocol, in pixels (a multiple of the patch).
        pos_interpolation: ``'original'`` for the authors' interpolation of position embeddings, ``'timm'`` for timm's.
        offset: Added to the target grid before the scale factor is taken (the authors' guard against rounding).
        antialias: Whether the authors' bicubic interpolation filters before it shrinks.
        on_hub: Whether timm offers these very weights for ``pretrained=True``.
    """

    timm_name: str
    image_size: int = 320
    pos_interpolation: PositionInterpolation = 'original'
    offset: float = 0.1
    antialias: bool = False
    on_hub: bool = True


def _presets() -> dict[str, ViTPreset]:
    table = {}
    for letter, size in (('s', 'small'), ('b', 'base')):
        for patch in (8, 16):
            table[f'dino_vit{letter}{patch}'] = ViTPreset(f'vit_{size}_patch{patch}_224.dino')
    for letter, size in (('s', 'small'), ('b', 'base'), ('l', 'large'), ('g', 'giant')):
        table[f'dinov2_vit{letter}14'] = ViTPreset(f'vit_{size}_patch14_dinov2.lvd142m', 322)
        # the models with registers were released with an exact target size and antialiasing
        table[f'dinov2_vit{letter}14_reg'] = ViTPreset(
            f'vit_{size}_patch14_reg4_dinov2.lvd142m', 322, offset=0.0, antialias=True
        )
    for letter, size in (('s', 'small'), ('b', 'base'), ('l', 'large')):
        # rotary positions: nothing to interpolate
        table[f'dinov3_vit{letter}16'] = ViTPreset(f'vit_{size}_patch16_dinov3.lvd1689m', pos_interpolation='timm')
        table[f'ibot_vit{letter}16'] = ViTPreset(f'vit_{size}_patch16_224', on_hub=False)
    for letter, size in (('b', 'base'), ('l', 'large')):
        table[f'mae_vit{letter}16'] = ViTPreset(f'vit_{size}_patch16_224.mae', pos_interpolation='timm')
    return table


VIT_PRESETS: dict[str, ViTPreset] = _presets()
"""Short names as the original authors write them; every other name goes to timm unchanged."""


def find_preset(model_name: str) -> ViTPreset:
    """The preset of a short name, or of the timm name it stands for; any other timm name gets timm's own behaviour."""
    if model_name in VIT_PRESETS:
        return VIT_PRESETS[model_name]
    # without timm's weights tag, DINOv2's architecture names still mean DINOv2
    untagged = 'dinov2' in model_name and '.' not in model_name
    names = {
        preset.timm_name.split('.')[0] if untagged else preset.timm_name: preset for preset in VIT_PRESETS.values()
    }
    same = [preset for name, preset in names.items() if preset.on_hub and name == model_name]
    return same[0] if same else ViTPreset(model_name, 224, 'timm')
