"""A data preprocessor that gives the teacher the picture and the student a photometric view of it."""

from typing import Any

import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.registry import MODELS, TRANSFORMS


@MODELS.register_module()
class TwoViewDataPreProcessor(SegDataPreProcessor):
    """Normalise pictures; in training, stack teacher and student views along the batch, teacher first.

    The student view comes from the pipeline (``student_inputs``, made by the ``StudentView`` transform on the CPU) or
    from ``student_view``, applied to the whole normalised batch on the device. Without either there is one view, which
    serves both. The heads tell the views apart by the number of data samples.

    Args:
        student_view: Config of a ``StudentView``, or None.
        **kwargs: Those of mmseg's ``SegDataPreProcessor``.
    """

    def __init__(self, student_view: dict | None = None, **kwargs: Any) -> None:
        if kwargs.get('size') is None and kwargs.get('size_divisor') is None:
            # mmseg insists on one of the two in training; a divisor of one pads nothing where all sizes agree.
            kwargs['size_divisor'] = 1
        super().__init__(**kwargs)
        self.student_view = None
        if student_view is not None:
            self.student_view = TRANSFORMS.build(
                {'type': 'StudentView', 'mean': kwargs.get('mean'), 'std': kwargs.get('std'), **student_view}
            )

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Return ``inputs`` ``[B, 3, H, W]`` (``[2 B, 3, H, W]`` with a student view) and ``data_samples``.

        Stored features (``features``, see ``PackStoredFeatures``) pass as ``inputs`` ``[B, V, C, h, w]``, followed by
        those of a second view (``student_features``) where there is one.
        """
        if 'features' in data:
            data = self.cast_data(data)
            views = [torch.stack(list(data[key])) for key in ('features', 'student_features') if key in data]
            return {'inputs': torch.cat(views), 'data_samples': data['data_samples']}
        data = dict(data)
        student = data.pop('student_inputs', None)
        teacher = super().forward(data, training)
        if not training:
            return teacher
        views = [teacher['inputs']]
        if student is not None:
            views.append(super().forward({**data, 'inputs': student}, training)['inputs'])
        elif self.student_view is not None:
            views.append(self.student_view.view(teacher['inputs']))
        return {**teacher, 'inputs': torch.cat(views)}
