"""The fleet: heartbeats, deaths and sweeps of workers, engines, windows and the depth of queues."""
