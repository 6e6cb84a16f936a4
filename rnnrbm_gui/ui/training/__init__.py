"""The training window: a corpus goes in, curves, weights and music come out."""
