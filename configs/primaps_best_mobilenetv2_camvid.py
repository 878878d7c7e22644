# primaps_mobilenetv2_camvid.py with preset='best': everything that helped without labels.
_base_ = [
    '_base_/models/primaps_mobilenetv2.py', '_base_/datasets/camvid.py', '_base_/schedules/primaps_best.py',
    '_base_/default_runtime.py',
]
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]
