# STEGO on a frozen ViT: trained here, or evaluated from a converted checkpoint (clusters and linear probe).
model = dict(
    type='PriMaPsSegmentor',
    data_preprocessor=dict(
        type='TwoViewDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        pad_val=0, seg_pad_val=255,
    ),
    backbone=dict(type='TimmViT', model_name='dino_vitb8', pretrained=True),
    neck=dict(type='STEGONeck', in_channels=768, dim=100, preset='fixed', trainable=True),
    decode_head=dict(type='STEGOHead', in_channels=100, num_classes=27),
    test_cfg=dict(mode='whole', flip=True, crf=False),
)
