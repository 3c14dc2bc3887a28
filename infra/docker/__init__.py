"""What the images are made of, beside docfleet itself."""
