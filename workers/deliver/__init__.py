"""The deliver stage: signed webhooks, sent until acknowledged or dead."""
