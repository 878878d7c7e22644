"""Label ids of Cityscapes, as written into ``*_labelIds.png``."""

from enum import IntEnum


class Label(IntEnum):
    """The classes that the scenes contain; ids are those of Cityscapes."""

    UNLABELLED = 0  # also water: Cityscapes has no class for it
    ROAD = 7
    SIDEWALK = 8
    PARKING = 9
    RAIL_TRACK = 10
    BUILDING = 11
    WALL = 12
    FENCE = 13
    GUARD_RAIL = 14
    BRIDGE = 15
    POLE = 17
    TRAFFIC_LIGHT = 19
    TRAFFIC_SIGN = 20
    VEGETATION = 21
    TERRAIN = 22
    SKY = 23
    PERSON = 24
    RIDER = 25
    CAR = 26
    TRUCK = 27
    BUS = 28
    TRAIN = 31
    MOTORCYCLE = 32
    BICYCLE = 33
