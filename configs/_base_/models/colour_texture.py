# Hand-crafted colour, gradient and texture features on 8 x 8 patches: no weights at all.
model = dict(
    type='PriMaPsSegmentor',
    data_preprocessor=dict(
        type='TwoViewDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        pad_val=0, seg_pad_val=255,
    ),
    backbone=dict(type='ColourTexture'),
    decode_head=dict(type='PriMaPsHead', in_channels=30, num_classes=27),
    test_cfg=dict(mode='whole', flip=True),
)
