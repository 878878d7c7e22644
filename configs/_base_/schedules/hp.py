# HP: AdamW 5e-4 (decay 0.1) for the projection head; without decay the same rate for the project head, 1e-3 for the
# linear probe and 5e-3 for the clusters. All gradients are clipped to norm 10; the public code clips those of the
# projection head alone.
optim_wrapper = dict(
    type='OptimWrapper', clip_grad=dict(max_norm=10.0),
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.1),
    paramwise_cfg=dict(custom_keys={
        'decode_head.project': dict(decay_mult=0.0),
        'decode_head.linear': dict(lr_mult=2.0, decay_mult=0.0),
        'decode_head.running': dict(lr_mult=10.0, decay_mult=0.0),
    }),
)
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
custom_hooks = [dict(type='HiddenPositiveHook', renew_interval=20, warmup=50)]
