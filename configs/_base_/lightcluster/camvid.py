# CamVid has no background class: what counts as foreground is said here, for the binary masks alone.
_base_ = '../datasets/camvid.py'
val_evaluator = dict(
    _delete_=True, type='LightClusterMetric', foreground=['pole', 'sign', 'car', 'pedestrian', 'bicyclist']
)
test_evaluator = val_evaluator
