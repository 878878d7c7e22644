# How STEGO and HP see pictures: nearest interpolation for pictures too, 224 pixels in training, 320 in evaluation.
# Labels are loaded for the linear probe alone (the supervised upper bound); without them drop that step.
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='ResizeShortSide', size=224, interpolation='nearest'),
    dict(type='CenterCropSeg', size=224),
    dict(type='PackProposalInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='ResizeShortSide', size=320, interpolation='nearest'),
    dict(type='CenterCropSeg', size=320),
    dict(type='PackProposalInputs'),
]
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
