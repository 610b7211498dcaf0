"""Evaluation: how good recommendations are, by people from whom nothing was learned.

Pure functions on arrays. ``ratings`` splits people; ``truth`` and ``profiles`` say what is right
for a film and for somebody; ``accuracy`` and ``breadth`` measure lists, ``bootstrap`` how far
chance can have moved a mean; ``baselines`` and ``methods`` make lists, ``judge`` puts them to the
same questions and gives the figures. What the figures mean, and what they were, is in
``docs/quality.md``.
"""
