"""Progress bars: seen from the start, silent where nobody looks."""

import pytest

from mmseg_primaps.utils import progress_bar


def test_a_bar_shows_before_the_first_batch_is_done(capsys: pytest.CaptureFixture) -> None:
    with progress_bar(8, 'features') as bar:
        assert 'features:   0%' in capsys.readouterr().err
        bar.update(8)
    assert '8/8' in capsys.readouterr().err


@pytest.mark.parametrize(('rank', 'total'), [('1', 8), ('0', 0)])
def test_other_ranks_and_no_work_show_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, rank: str, total: int
) -> None:
    monkeypatch.setenv('RANK', rank)
    with progress_bar(total, 'features') as bar:
        bar.update(total)
    assert not capsys.readouterr().err
