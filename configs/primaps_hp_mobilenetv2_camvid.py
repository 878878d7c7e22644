# PriMaPs-EM on the codes that hp_mobilenetv2_camvid.py trained; proposals come from the raw features.
_base_ = [
    '_base_/models/primaps_mobilenetv2.py', '_base_/datasets/camvid.py', '_base_/schedules/primaps_stacked_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    neck=dict(type='HPNeck', in_channels=96, dim=64),
    decode_head=dict(in_channels=64),
)
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]
load_from = 'work_dirs/hp_mobilenetv2_camvid/epoch_20.pth'
