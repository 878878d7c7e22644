# HP on DINO ViT-B/8 and Potsdam-3, in the published settings.
_base_ = [
    '_base_/models/hp_vit.py', '_base_/datasets/potsdam3_stego.py', '_base_/schedules/hp.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vitb8'),
    neck=dict(in_channels=768, dim=256, num_heads=12, momentum=0.999),
    decode_head=dict(
        in_channels=256, num_classes=3, feature_channels=768, pool_size=1024,
        temperature=0.4, consistency=0.0, kept_share=1.0,
    ),
)
train_dataloader = dict(batch_size=64)
train_cfg = dict(max_epochs=10)
custom_hooks = [dict(type='HiddenPositiveHook', renew_interval=20, warmup=100)]
