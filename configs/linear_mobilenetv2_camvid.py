# The supervised linear probe beside primaps_mobilenetv2_camvid.py: an upper bound, not a method without labels.
_base_ = [
    '_base_/models/primaps_mobilenetv2.py', '_base_/datasets/camvid.py', '_base_/schedules/linear_50e.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(type='LinearProbeHead'))
train_dataloader = dict(dataset=dict(pipeline=_base_.labelled_pipeline))
val_evaluator = dict(matching='identity')
test_evaluator = dict(matching='identity')
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]
