# cityscapes27.py with crops of 322 = 23 x 14 pixels.
_base_ = './cityscapes27.py'
crop_size = 322
for __part in ('train', 'val', 'test'):
    __pipeline = _base_[f'{__part}_dataloader'].dataset.pipeline
    __others = [*_base_.clean_pipeline, *_base_.labelled_pipeline, *_base_.get(f'{__part}_pipeline', [])]
    for __step in [*__pipeline, *__others]:
        if 'size' in __step:
            __step.size = crop_size
