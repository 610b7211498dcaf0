"""Fitting: the weights of fields, closeness and prior, from what people like together.

Nothing here runs where films are recommended: ``movie-assets fit`` does it once and writes
``weights.json``.
"""
