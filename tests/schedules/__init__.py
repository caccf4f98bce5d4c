"""An explorer of generated schedules, with an oracle: how much the detector sees, and whether it ever cries wolf."""
