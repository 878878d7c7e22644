# mmseg's stock MobileNetV2 at its standard strides, pictures scaled to [-1, 1].
norm_cfg = dict(type='BN', requires_grad=False)
model = dict(
    type='PriMaPsSegmentor',
    data_preprocessor=dict(
        type='TwoViewDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True, pad_val=0, seg_pad_val=255
    ),
    backbone=dict(
        type='MobileNetV2', out_indices=(4,), norm_cfg=norm_cfg, norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$PRIMAPS_SHARED:../shared}}/weights/mobilenet_v2_mmseg_fp16.pth'
        ),
    ),
    decode_head=dict(type='PriMaPsHead', in_channels=96, num_classes=11),
    test_cfg=dict(mode='whole', flip=True),
)
