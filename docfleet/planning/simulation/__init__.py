"""The simulator: a day or a year of arrivals over a fleet of profiles, in SimPy."""
