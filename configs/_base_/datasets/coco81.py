# COCO 2017, background and 80 things. Labels are compared at the size of the picture, one picture a batch.
_base_ = './crops.py'
data_root = 'data/cocostuff'
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='ResizeShortSide', size=_base_.crop_size),
    dict(type='LoadMappedAnnotations'),
    dict(type='PackProposalInputs'),
]
train_dataloader = dict(dataset=dict(type='COCO81Dataset', data_root=data_root))
val_dataloader = dict(
    batch_size=1, dataset=dict(type='COCO81Dataset', data_root=data_root, pipeline=test_pipeline)
)
test_dataloader = val_dataloader
