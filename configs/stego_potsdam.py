# STEGO on DINO ViT-S/8 and Potsdam-3, in the settings its released file was re-trained with.
_base_ = [
    '_base_/models/stego_vit.py', '_base_/datasets/potsdam3_stego.py', '_base_/schedules/stego.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vits8'),
    neck=dict(in_channels=384, dim=70),
    decode_head=dict(
        in_channels=70, num_classes=3,
        weights=dict(intra=0.67, inter=0.25, negative=0.63),
        shifts=dict(intra=0.08, inter=0.02, negative=0.76),
    ),
)
train_dataloader = dict(batch_size=16, sampler=dict(type='InfiniteSampler', shuffle=True))
train_cfg = dict(max_iters=5000)
log_processor = dict(by_epoch=False)
