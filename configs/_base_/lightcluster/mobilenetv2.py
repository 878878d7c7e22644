# LightCluster on mmseg's stock MobileNetV2: the feature norm stands in for CLS attention, mean features for CLS tokens.
model = dict(
    type='LightClusterSegmentor',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    backbone=dict(
        type='MobileNetV2', out_indices=(4,), norm_cfg=dict(type='BN', requires_grad=False), norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$PRIMAPS_SHARED:../shared}}/weights/mobilenet_v2_mmseg_fp16.pth'
        ),
    ),
    method=dict(region_token='mean'),
    test_cfg=dict(levels=['consistent', 'dataset', 'category', 'image'], crf=[True, False]),
)
