"""The models behind a stage: one file a backend, chosen by name in params.yaml."""
