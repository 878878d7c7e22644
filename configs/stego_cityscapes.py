# STEGO on DINO ViT-B/8 and Cityscapes-27, in the settings its released file was re-trained with.
_base_ = [
    '_base_/models/stego_vit.py', '_base_/datasets/cityscapes27_stego.py', '_base_/schedules/stego.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vitb8'),
    neck=dict(in_channels=768, dim=100),
    decode_head=dict(
        in_channels=100, num_classes=27,
        weights=dict(intra=1.0, inter=0.577453483136995, negative=0.9058762625226623),
        shifts=dict(intra=0.45828472207, inter=0.1754346515479633, negative=0.31361241889448443),
    ),
)
train_dataloader = dict(batch_size=32, sampler=dict(type='InfiniteSampler', shuffle=True))
train_cfg = dict(max_iters=7000)
log_processor = dict(by_epoch=False)
