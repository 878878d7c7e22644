# STEGO trained from scratch on CamVid with MobileNetV2 features: a small run that shows the whole way.
# The shifts lie near the mean feature correlations (fd_* in the log), the negative one above: chosen without labels.
_base_ = [
    '_base_/models/primaps_mobilenetv2.py', '_base_/datasets/camvid.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    neck=dict(type='STEGONeck', in_channels=96, dim=64, preset='fixed', trainable=True),
    decode_head=dict(
        type='STEGOHead', in_channels=64, num_classes=11,
        shifts=dict(intra=0.08, inter=0.05, negative=0.15),
    ),
    test_cfg=dict(prototypes=['cluster']),
)
optim_wrapper = dict(
    optimizer=dict(lr=5e-4), paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}),
)
train_dataloader = dict(dataset=dict(pipeline={{_base_.clean_pipeline}}))
custom_hooks = [dict(type='FeatureStoreHook'), dict(type='NeighbourHook', num_neighbours=7)]
