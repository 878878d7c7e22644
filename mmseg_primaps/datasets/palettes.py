"""Colours and names for clusters that have no name yet."""

import colorsys


def cluster_palette(count: int) -> list[list[int]]:
    """``count`` colours that neighbours in the list do not share.

    The hue moves on by the golden section, which keeps any number of colours apart; brightness and saturation
    alternate so that hues that come close again still differ.

    Returns:
        ``count`` triples red, green, blue in 0..255.
    """
    step = (5**0.5 - 1) / 2
    shades = ((0.75, 0.95), (0.95, 0.70), (0.45, 0.95), (0.85, 0.55))
    colours = [colorsys.hsv_to_rgb(i * step % 1, *shades[i % len(shades)]) for i in range(count)]
    return [[round(255 * channel) for channel in colour] for colour in colours]


def cluster_metainfo(num_classes: int) -> dict:
    """``METAINFO`` of ``num_classes`` nameless clusters."""
    return {
        'classes': tuple(f'cluster {i}' for i in range(num_classes)),
        'palette': cluster_palette(num_classes),
    }
