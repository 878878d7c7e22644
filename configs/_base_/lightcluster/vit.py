# LightCluster on keys of the last block of a frozen self-supervised ViT; the top-level config names it.
model = dict(
    type='LightClusterSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(type='TimmViT', model_name='dino_vits8', pretrained=True, feature='key', out_indices=(-1,)),
    method=dict(),
    test_cfg=dict(levels=['consistent', 'dataset', 'category', 'image'], crf=[True, False]),
)
