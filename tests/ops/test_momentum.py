"""The decay copies twice, then warms up to its limit."""

import numpy as np
import pytest

from mmseg_primaps.ops import momentum_decay


def test_gives_the_published_trace(golden: dict[str, np.ndarray]) -> None:
    value, trace = -123.0, []
    for call in range(1, 61):
        decay = momentum_decay(call)
        value = decay * value + (1 - decay) * call
        trace.append(value)
    np.testing.assert_allclose(trace, golden['ema_trace'], rtol=0, atol=1e-5)


def test_copies_twice_then_grows_to_the_limit() -> None:
    decays = [momentum_decay(call) for call in range(1, 101)]
    assert decays[:2] == [0, 0]
    assert decays[2] == pytest.approx(2 / 3)
    assert decays == sorted(decays)
    assert decays[48] < decays[49] == decays[99] == 0.98


def test_a_limit_of_zero_always_copies() -> None:
    assert momentum_decay(1000, limit=0) == 0


@pytest.mark.parametrize(('call', 'limit'), [(0, 0.98), (-1, 0.98), (5, 1.5), (5, -0.1)])
def test_refuses_impossible_arguments(call: int, limit: float) -> None:
    with pytest.raises(ValueError, match='counted from 1|must lie in'):
        momentum_decay(call, limit)
