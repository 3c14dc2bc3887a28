"""Where docfleet runs: images, the stack in containers, what watches over them."""
