"""The services behind the OpenAI-compatible routes: files, batches and chats."""
