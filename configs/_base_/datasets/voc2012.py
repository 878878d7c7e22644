# Pascal VOC 2012, background and 20 things. Labels are compared at the size of the picture, one picture a batch.
_base_ = './crops.py'
data_root = 'data/VOCdevkit/VOC2012'
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='ResizeShortSide', size=_base_.crop_size),
    dict(type='LoadMappedAnnotations', palette=True),
    dict(type='PackProposalInputs'),
]
train_dataloader = dict(dataset=dict(type='VOC2012Dataset', data_root=data_root))
val_dataloader = dict(
    batch_size=1, dataset=dict(type='VOC2012Dataset', data_root=data_root, pipeline=test_pipeline)
)
test_dataloader = val_dataloader
