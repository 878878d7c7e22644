# HP on a frozen ViT: trained here, or evaluated from a converted checkpoint (clusters and linear probe).
model = dict(
    type='PriMaPsSegmentor',
    data_preprocessor=dict(
        type='TwoViewDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        pad_val=0, seg_pad_val=255, student_view=dict(type='HPView', preset='paper'),
    ),
    backbone=dict(
        type='TimmViT', model_name='dino_vits8', pretrained=True, feature=['query', 'key', 'token'],
    ),
    neck=dict(type='HPNeck', in_channels=384, dim=512, num_heads=6, trainable=True),
    decode_head=dict(type='HPHead', in_channels=512, num_classes=27, feature_channels=384),
    test_cfg=dict(mode='whole', flip=False, crf=False),
)
