"""Names of facts by which groups speak to each other: consumers to the plants behind them. Pure.

A group publishes them as `Group.fact_point(name)`; a plant finds its consumers in
`Group.consumers` by the name of its loop.
"""

from __future__ import annotations

from typing import Final

CHW_REQUESTS: Final = "chw_requests"
"""How many consumers need chilled water at all, with importance; the plant runs above its limit."""
CHW_RESETS: Final = "chw_reset_requests"
"""How many need it colder, or more of it: 0 to 3 each (Guideline 36, 5.16.9 and 5.22.9)."""
HW_REQUESTS: Final = "hw_requests"
"""How many need hot water at all."""
HW_RESETS: Final = "hw_reset_requests"
"""How many need it hotter, or more of it."""
LOAD_KW: Final = "load_kw"
"""What a plant delivers, thermal, as a mean over 5 min."""
STAGE: Final = "stage"
"""How many machines a plant wants to run."""
OUTDOOR_C: Final = "outdoor_c"
"""The outdoor temperature of all sensors of a group together, judged before it is used."""
