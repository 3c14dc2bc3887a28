"""The batch stage: the lines of an OpenAI batch become jobs, and their results become files."""
