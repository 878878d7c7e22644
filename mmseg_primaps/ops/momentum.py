"""How slowly the momentum prototypes follow the running prototypes."""


def momentum_decay(call: int, limit: float = 0.98) -> float:
    """Decay d of the update θ_M ← d θ_M + (1 - d) θ_R.

    Follows the warm-up of the exponential moving average in the published code: the first two updates copy, then
    d = 1 - 1 / call grows until `limit`, which it reaches at call 50 (iteration 500 when every tenth one updates).

    Args:
        call: Number of this update, counted from 1.
        limit: Largest decay, in 0..1.

    Returns:
        The decay in 0..limit.

    Raises:
        ValueError: `call` is below 1 or `limit` lies outside 0..1.
    """
    if call < 1:
        raise ValueError(f'calls are counted from 1, not from {call}')
    if not 0 <= limit <= 1:
        raise ValueError(f'limit must lie in 0..1, not {limit}')
    return 0.0 if call <= 2 else min(limit, 1 - 1 / call)
