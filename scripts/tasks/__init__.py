"""What the sessions of noxfile.py share; it needs nothing but the standard library."""
