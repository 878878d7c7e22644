# CamVid, 11 classes: pictures are scaled with antialiasing in evaluation too, batch 16.
_base_ = './crops.py'
data_root = '{{$PRIMAPS_SHARED:../shared}}/data/camvid'
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    *_base_.clean_pipeline[1:],
]
train_dataloader = dict(batch_size=16, dataset=dict(type='CamVidDataset', data_root=data_root))
val_dataloader = dict(
    dataset=dict(type='CamVidDataset', data_root=data_root, split='test', pipeline=test_pipeline)
)
test_dataloader = val_dataloader
