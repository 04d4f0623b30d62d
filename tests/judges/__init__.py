"""Others judge what our plants did: ConStrain and camber over simulated trends; `make judges`.

`trends` runs where bms is installed, `verdicts` in an environment of the judges: their pins are
not ours, and nothing but files goes from one to the other.
"""
