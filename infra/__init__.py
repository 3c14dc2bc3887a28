"""Infrastructure: images, the stack in containers, and its monitoring."""
