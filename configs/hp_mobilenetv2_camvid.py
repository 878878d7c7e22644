# HP trained from scratch on CamVid with MobileNetV2 features: a small run that shows the whole way. The backbone has no
# attention, so feature cosines stand for it; batches and pools are small, for two cores; there is no second view.
_base_ = [
    '_base_/models/primaps_mobilenetv2.py', '_base_/datasets/camvid.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    neck=dict(type='HPNeck', in_channels=96, dim=64, momentum=0.99, attention='features', trainable=True),
    decode_head=dict(type='HPHead', in_channels=64, num_classes=11, feature_channels=96, pool_size=256),
    test_cfg=dict(prototypes=['cluster']),
)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.1),
    paramwise_cfg=dict(custom_keys={
        'decode_head.project': dict(decay_mult=0.0), 'decode_head.running': dict(lr_mult=10.0, decay_mult=0.0),
    }),
)
train_dataloader = dict(batch_size=8, dataset=dict(pipeline={{_base_.clean_pipeline}}))
train_cfg = dict(max_epochs=20)
custom_hooks = [dict(type='FeatureStoreHook'), dict(type='HiddenPositiveHook', renew_interval=5, warmup=30)]
