"""One file per distance. The folder's listing is the list of distances; see ``anear.spaces.lookup``.

A file defines ``DISTANCE = Distance(...)``, or ``DISTANCES = (Distance(...), ...)`` for variants of one idea.
"""
