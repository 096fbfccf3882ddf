"""Essentia's MusicExtractor on one file, again and again; needs essentia alone."""

from __future__ import annotations

import sys

import essentia
import essentia.standard

essentia.log.infoActive = False
essentia.log.warningActive = False
for _ in range(int(sys.argv[2])):
    essentia.standard.MusicExtractor()(sys.argv[1])
