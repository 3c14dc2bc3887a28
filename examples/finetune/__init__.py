"""Fine-tuning: LoRA adapters for the tasks of docfleet, from documents to a tested adapter."""
