"""The stack in containers: what it needs beside the compose file, and what tries it out."""
