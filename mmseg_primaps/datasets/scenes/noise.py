"""Smooth random fields on arbitrary coordinates."""

import numpy as np

from .arrays import Array

TABLE = 64


def lattice_noise(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """Value noise with one random number per integer lattice point, smoothly interpolated.

    Args:
        rng: Source of the lattice's values.
        u: First coordinate in lattice cells, any shape.
        v: Second coordinate, same shape.

    Returns:
        Array of that shape, in [-1, 1].
    """
    table = rng.uniform(-1, 1, (TABLE, TABLE)).astype(np.float32)
    u_cell, v_cell = np.floor(u), np.floor(v)
    a, b = u - u_cell, v - v_cell
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    # the size of the table is a power of two: a bit mask wraps negative cells too
    row, column = u_cell.astype(np.int32) & (TABLE - 1), v_cell.astype(np.int32) & (TABLE - 1)
    next_row, next_column = ((row + 1) & (TABLE - 1)) * TABLE, (column + 1) & (TABLE - 1)
    row *= TABLE
    first, second = table.take(row + column), table.take(next_row + column)
    first += (table.take(row + next_column) - first) * b
    second += (table.take(next_row + next_column) - second) * b
    return first + (second - first) * a


def fractal_noise(
    rng: np.random.Generator, u: Array, v: Array, frequency: float, octaves: int, resolution: Array | float = np.inf
) -> Array:
    """Sum of noise octaves, each 2.5 times as fine and 0.6 times as strong as the one before.

    Args:
        rng: Source of randomness.
        u: First coordinate in metres.
        v: Second coordinate in metres, same shape.
        frequency: Lattice cells per metre of the coarsest octave.
        octaves: Number of octaves.
        resolution: Pixels per metre; octaves finer than a pixel fade out, as they would in a photograph.

    Returns:
        Array of the coordinates' shape, mostly within [-1, 1].
    """
    total = np.zeros(np.broadcast(u, v).shape, np.float32)
    strength = 1.0
    for _ in range(octaves):
        visible = np.clip(np.asarray(resolution, np.float32) / np.float32(frequency) - 0.5, 0, 1)
        if not np.any(visible):
            break
        octave = lattice_noise(rng, u * np.float32(frequency), v * np.float32(frequency))
        total += np.float32(strength) * visible * octave
        frequency, strength = frequency * 2.5, strength * 0.6
    return total
