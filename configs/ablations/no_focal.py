# Plain cross entropy: no batch-wide class weight.
_base_ = '../primaps_mobilenetv2_camvid.py'
model = dict(decode_head=dict(gamma=0.0))
