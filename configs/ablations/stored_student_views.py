# The student view is drawn from four stored ones, so that the backbone runs before training only.
_base_ = '../primaps_mobilenetv2_camvid.py'
model = dict(data_preprocessor=dict(student_view=dict()))
custom_hooks = [dict(type='FeatureStoreHook', student_variants=4), *_base_.custom_hooks[1:]]
