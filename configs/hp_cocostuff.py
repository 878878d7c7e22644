# HP on DINO ViT-S/8 and COCO-Stuff-27, in the published settings.
_base_ = [
    '_base_/models/hp_vit.py', '_base_/datasets/cocostuff27_stego.py', '_base_/schedules/hp.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vits8'),
    neck=dict(in_channels=384, dim=512, num_heads=6, momentum=0.99),
    decode_head=dict(
        in_channels=512, num_classes=27, feature_channels=384, pool_size=2048,
        temperature=0.8, consistency=0.05, kept_share=0.02,
    ),
)
train_dataloader = dict(batch_size=64)
train_cfg = dict(max_epochs=3)
custom_hooks = [dict(type='HiddenPositiveHook', renew_interval=100, warmup=1000)]
