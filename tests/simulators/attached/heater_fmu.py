"""A tank with a heater as an FMU, built by pythonfmu: what it does wrong is a parameter."""

import os
import time

from pythonfmu import Boolean, Fmi2Causality, Fmi2Slave, Fmi2Variability, Integer, Real


class Heater(Fmi2Slave):
    """Temperatures in K, power in W, as models have them."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.now = 0.0
        self.rated_w = 6000.0
        self.trouble = 0
        self.trouble_s = 0.0
        self.share_u = 0.0
        self.share_activate = False
        self.setpoint = 330.0
        self.stage = 1
        self.tank = 313.15
        self.power = 0.0
        inputs = {"causality": Fmi2Causality.input}
        kept = {
            "causality": Fmi2Causality.parameter,
            "variability": Fmi2Variability.tunable,
        }
        out = {"causality": Fmi2Causality.output}
        self.register_variable(Real("share_u", **inputs))
        discrete = {"variability": Fmi2Variability.discrete}
        self.register_variable(Boolean("share_activate", **inputs, **discrete))
        self.register_variable(Real("setpoint", **inputs))
        self.register_variable(Integer("stage", **inputs, **discrete))
        self.register_variable(Real("rated_w", **kept))
        self.register_variable(Integer("trouble", **kept))
        self.register_variable(Real("trouble_s", **kept))
        self.register_variable(Real("tank", **out))
        self.register_variable(Real("power", **out))
        self.register_variable(Real("now", **out))

    def setup_experiment(
        self, start_time: float, stop_time: float | None, tolerance: float | None
    ) -> None:
        self.now = start_time

    def do_step(self, current_time: float, step_size: float) -> bool:
        self.now = current_time + step_size
        if self.trouble and self.now > self.trouble_s:
            if self.trouble == 1:
                os.abort()
            if self.trouble == 2:
                time.sleep(600)
            if self.trouble == 3:
                raise RuntimeError("the tank boils")
            return False
        share = self.share_u if self.share_activate else float(self.tank < self.setpoint)
        self.power = share * self.rated_w * self.stage
        self.tank += self.power * step_size / 4.0e6
        return True
