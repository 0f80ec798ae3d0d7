"""Speech tokenizers: audio <-> codes, behind one Protocol."""
