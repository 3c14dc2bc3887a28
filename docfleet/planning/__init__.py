"""Fleets on paper: profiles, the planner, and the simulator."""
