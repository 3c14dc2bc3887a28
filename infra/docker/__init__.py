"""Files of the images, beside docfleet itself."""
