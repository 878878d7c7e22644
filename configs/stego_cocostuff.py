# STEGO on DINO ViT-B/8 and COCO-Stuff-27, in the settings its released file was re-trained with.
_base_ = [
    '_base_/models/stego_vit.py', '_base_/datasets/cocostuff27_stego.py', '_base_/schedules/stego.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vitb8'),
    neck=dict(in_channels=768, dim=90),
    decode_head=dict(
        in_channels=90, num_classes=27,
        weights=dict(intra=0.1, inter=1.0, negative=0.1538476246415498),
        shifts=dict(intra=0.12, inter=0.2, negative=1.0),
    ),
)
train_dataloader = dict(batch_size=32, sampler=dict(type='InfiniteSampler', shuffle=True))
train_cfg = dict(max_iters=7000)
log_processor = dict(by_epoch=False)
