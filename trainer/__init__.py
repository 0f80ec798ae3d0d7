"""Training on the emitted shards: SFT, DPO, GRPO and MCLP; importing this imports no torch."""
