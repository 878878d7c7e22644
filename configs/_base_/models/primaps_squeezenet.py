# torchvision's SqueezeNet 1.1 with ImageNet weights, stride 16.
model = dict(
    type='PriMaPsSegmentor',
    data_preprocessor=dict(
        type='TwoViewDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        pad_val=0, seg_pad_val=255,
    ),
    backbone=dict(
        type='TorchvisionBackbone', name='squeezenet1_1', layers=['features.12'],
        checkpoint='{{$PRIMAPS_SHARED:../shared}}/weights/squeezenet1_1_torchvision_fp16.pt',
    ),
    decode_head=dict(type='PriMaPsHead', in_channels=512, num_classes=27),
    test_cfg=dict(mode='whole', flip=True),
)
