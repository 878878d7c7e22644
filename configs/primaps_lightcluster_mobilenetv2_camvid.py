# PriMaPs-EM on LightCluster's masks in place of principal masks: first run lightcluster_mobilenetv2_camvid.py.
_base_ = './primaps_mobilenetv2_camvid.py'
custom_hooks = [
    dict(type='StoredProposalHook', root='work_dirs/lightcluster_mobilenetv2_camvid/proposals')
    if hook['type'] == 'MaskProposalHook' else hook
    for hook in _base_.custom_hooks
]
