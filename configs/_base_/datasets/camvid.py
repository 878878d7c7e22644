# CamVid, 11 classes: shorter side to 320 (antialiased, in evaluation too), centre crop 320, batch 16.
crop_size = 320
dataset_type = 'CamVidDataset'
data_root = '{{$PRIMAPS_SHARED:../shared}}/data/camvid'
clean_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='ResizeShortSide', size=crop_size),
    dict(type='CenterCropSeg', size=crop_size),
    dict(type='PackProposalInputs'),
]
train_pipeline = [*clean_pipeline[:-1], dict(type='RandomFlip', prob=0.5), clean_pipeline[-1]]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='ResizeShortSide', size=crop_size),
    dict(type='CenterCropSeg', size=crop_size),
    dict(type='PackProposalInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type=dataset_type, data_root=data_root, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type=dataset_type, data_root=data_root, split='test', test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ClusterIoUMetric')
test_evaluator = val_evaluator
