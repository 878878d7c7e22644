# The benchmarks' crop protocol: shorter side to 320, centre crop 320, horizontal flips in training, batch 32.
# Training pictures are scaled by Pillow, evaluation's as tensors without antialiasing (see ResizeShortSide).
# A data set's file inherits this one and names its pictures; the *_322.py files are for patches of 14 pixels.
crop_size = 320
clean_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='ResizeShortSide', size=crop_size),
    dict(type='CenterCropSeg', size=crop_size),
    dict(type='PackProposalInputs'),
]
train_pipeline = [*clean_pipeline[:-1], dict(type='RandomFlip', prob=0.5), clean_pipeline[-1]]
labelled_pipeline = [train_pipeline[0], dict(type='LoadMappedAnnotations'), *train_pipeline[1:]]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='ResizeShortSide', size=crop_size, antialias=False),
    dict(type='CenterCropSeg', size=crop_size),
    dict(type='PackProposalInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='GlobalBatchSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val', test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ClusterIoUMetric')
test_evaluator = val_evaluator
