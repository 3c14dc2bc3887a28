"""What `make demo` drops into the fleet, and how its results are held against the truth."""
