# PriMaPs-EM on real street scenes with ImageNet MobileNetV2 features; no photometric student view.
_base_ = [
    '_base_/models/primaps_mobilenetv2.py', '_base_/datasets/camvid.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]
