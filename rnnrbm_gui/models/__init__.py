"""The energy-based models: arrays in, arrays out. numpy and numba; imports nothing of ours."""
