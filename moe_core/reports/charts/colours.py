"""The sequential colour map of every heat map: cividis (https://doi.org/10.1371/journal.pone.0199239).

It reads the same with and without colour blindness, and in grey.
"""

# 33 stops of the map, red, green and blue each.
_STOPS = bytes.fromhex(
    "00204d 00265a 002c69 00306f 06366e 1f3c6d 2d426c 38486b 414d6b 4a536b 52596c "
    "595f6d 61646f 686a71 6f7073 767676 7d7c78 848179 8b8779 938e78 9b9477 a39a76 "
    "aca174 b4a872 bcaf6f c5b56c cebc68 d7c463 e0cb5e e9d358 f2da50 fbe248 ffea46"
)
_LAST = len(_STOPS) // 3 - 1


def cividis(share: float) -> str:
    """The colour of a share 0..1 (clipped) as #rrggbb, interpolated between the stops."""
    place = min(max(share, 0.0), 1.0) * _LAST
    below = min(int(place), _LAST - 1)
    fraction = place - below
    channels = zip(_STOPS[3 * below : 3 * below + 3], _STOPS[3 * below + 3 : 3 * below + 6], strict=True)
    return "#" + "".join(f"{round(low + (high - low) * fraction):02x}" for low, high in channels)
