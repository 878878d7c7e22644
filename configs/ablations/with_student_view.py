# The published photometric student view. It changes pixels, so features are computed anew in every step.
_base_ = '../primaps_mobilenetv2_camvid.py'
model = dict(data_preprocessor=dict(student_view=dict()))
custom_hooks = _base_.custom_hooks[1:]
