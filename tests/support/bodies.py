"""The body by formula, made once for all tests that look at it."""

from functools import lru_cache

from shared.imaging.body import Body, body, grid_of


@lru_cache(maxsize=1)
def coarse_body() -> Body:
    """The body in voxels of 2 mm."""
    return body(grid_of(2.0))
