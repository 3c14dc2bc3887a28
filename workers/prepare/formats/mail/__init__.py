"""Mail: what a message says, in whichever form it was saved."""
