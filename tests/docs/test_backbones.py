"""The documentation lists what there is."""

from mmseg_primaps.models.backbones import VIT_PRESETS
from tests.conftest import ROOT


def test_every_preset_is_in_the_table_with_its_timm_name_and_size() -> None:
    lines = (ROOT / 'docs' / 'backbones.md').read_text().splitlines()
    for name, preset in VIT_PRESETS.items():
        (row,) = [line for line in lines if line.startswith(f'| `{name}` |')]
        assert f'`{preset.timm_name}`' in row
        assert f'| {preset.image_size} |' in row
