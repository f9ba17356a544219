//! What files cannot show in `tests/configs`: inclusion, generated configurations, the rendering of faults.
