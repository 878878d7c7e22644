# A frozen self-supervised ViT and the published student view; the top-level config names the backbone.
model = dict(
    type='PriMaPsSegmentor',
    data_preprocessor=dict(
        type='TwoViewDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        pad_val=0, seg_pad_val=255, student_view=dict(preset='paper'),
    ),
    backbone=dict(type='TimmViT', model_name='dino_vits8', pretrained=True),
    decode_head=dict(type='PriMaPsHead', in_channels=384, num_classes=27),
    test_cfg=dict(mode='whole', flip=True, crf=False),
)
