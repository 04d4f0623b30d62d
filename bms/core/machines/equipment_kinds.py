"""Every kind of equipment, with the roles that its points may play. Pure.

To add a kind, add one entry. Minimum times are engineering defaults of the control reference, to
be commissioned on site.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bms.core.equipment import Kind, Medium
from bms.core.machines.kind_parts import air as _air
from bms.core.machines.kind_parts import analog as _analog
from bms.core.machines.kind_parts import command as _command
from bms.core.machines.kind_parts import enable as _enable
from bms.core.machines.kind_parts import energy as _energy
from bms.core.machines.kind_parts import kind as _kind
from bms.core.machines.kind_parts import motor as _motor
from bms.core.machines.kind_parts import power as _power
from bms.core.machines.kind_parts import state as _state
from bms.core.machines.kind_parts import status as _status
from bms.core.machines.kind_parts import switch as _switch
from bms.core.machines.kind_parts import valve as _valve
from bms.core.machines.kind_parts import volume as _volume
from bms.core.machines.water_kinds import WATER_SUPPLY

_WATER_SIDE = (
    _kind(
        "chiller",
        _enable(required=False),  # a loop may be commanded in its place
        _status(required=True),
        _state("fault"),
        _state("local"),
        _command("chw_setpoint", "degC"),
        _command("demand_limit", "%"),
        *_valve(),
        *_valve("cw_valve"),
        _state("flow_switch"),
        _analog("chw_supply_temp", "degC"),
        _analog("chw_return_temp", "degC"),
        _analog("cw_supply_temp", "degC"),  # entering the condenser
        _analog("cw_return_temp", "degC"),
        _analog("chw_flow", "m3/h"),
        _analog("cw_flow", "m3/h"),
        _analog("load", "%"),
        _power(),
        _energy(),
        min_on_s=900,
        min_off_s=900,
        proves_s=600,  # oil heating, flow switch, soft start
        cycles=True,
    ),
    _kind(
        "pump",
        _enable(required=False),
        *_motor(),
        _command("speed", "%"),
        _analog("speed_feedback", "%"),
        _analog("flow", "m3/h"),
        _analog("differential_pressure", "kPa"),
        _state("flow_switch"),
        _state("dry_run"),  # its own protection against running without water
        min_on_s=120,
        min_off_s=120,
    ),
    _kind(
        "cooling_tower",
        _enable(required=False),
        *_motor(),
        _command("speed", "%"),
        _command("cw_setpoint", "degC"),
        *_valve(),
        _analog("cw_supply_temp", "degC"),
        _analog("cw_return_temp", "degC"),
        _analog("basin_temp", "degC"),
        min_on_s=180,
        min_off_s=60,
    ),
    _kind(
        "heat_exchanger",
        _enable(required=False),
        _status(),
        _state("fault"),
        *_valve(),
        *_valve("cw_valve"),
        _command("bypass_valve", "%"),
        _analog("supply_temp", "degC"),
        _analog("return_temp", "degC"),
        _analog("chw_supply_temp", "degC"),
        _analog("chw_return_temp", "degC"),
        min_on_s=1200,
        min_off_s=1200,
    ),
    _kind(
        "boiler",
        _enable(required=False),
        _status(),
        _state("fault"),
        _state("local"),
        _command("hw_setpoint", "degC"),
        _command("demand_limit", "%"),  # of an electric one
        *_valve(),
        _analog("hw_supply_temp", "degC"),
        _analog("hw_return_temp", "degC"),
        _analog("hw_flow", "m3/h"),
        _analog("firing", "%"),
        _power(),
        _energy(),
        min_on_s=600,
        min_off_s=300,
        proves_s=3600,  # the status is the flame, and warm water needs none
        cycles=True,
    ),
    _kind(
        "heat_pump",
        _enable(required=False),
        _status(),
        _state("fault"),
        _state("local"),
        _switch("heating"),
        _command("chw_setpoint", "degC"),
        _command("hw_setpoint", "degC"),
        _command("demand_limit", "%"),
        *_valve(),
        _state("flow_switch"),
        _analog("supply_temp", "degC"),
        _analog("return_temp", "degC"),
        _analog("flow", "m3/h"),
        _analog("load", "%"),
        _power(),
        _energy(),
        min_on_s=600,
        min_off_s=600,
        proves_s=600,
        cycles=True,
    ),
    _kind(
        "valve",
        _switch("enable"),
        _command("position", "%"),
        _state("open"),
        _state("closed"),
        _analog("feedback", "%"),
        _state("fault"),
        _state("local"),
    ),
    _kind(
        "water_loop",
        _switch("enable"),
        _status(),
        _analog("supply_temp", "degC", required=True),
        _analog("return_temp", "degC", required=True),
        _command("loop_setpoint", "degC"),
        _command("dp_setpoint", "kPa"),
        _command("bypass_valve", "%"),
        _command("speed", "%"),
        _analog("flow", "m3/h"),
        _state("flow_switch"),
        _analog("differential_pressure", "kPa"),
        _analog("far_pressure", "kPa"),  # the differential pressure at the last consumer
        _analog("load", "kW"),
    ),
)

_AIR_SIDE = (
    _kind(
        "air_handler",
        _enable(required=False),
        *_motor(),
        *_air(),
        _analog("supply_temp", "degC"),
        _command("supply_setpoint", "degC"),
        _command("zone_setpoint", "degC"),
        _command("cooling_setpoint", "degC"),
        _command("heating_setpoint", "degC"),
        _command("cooling_valve", "%"),
        _command("heating_valve", "%"),
        _command("preheat_valve", "%"),
        _command("humidifier", "%"),
        _command("fan_speed", "%"),
        _command("static_setpoint", "Pa"),
        _analog("static_pressure", "Pa"),
        _command("oa_damper", "%"),
        _state("oa_damper_open"),
        _command("return_damper", "%"),
        _command("exhaust_damper", "%"),
        _command("oa_flow_setpoint", "m3/h"),
        _analog("oa_flow", "m3/h"),
        _analog("airflow", "m3/h"),
        _analog("mixed_temp", "degC"),
        _analog("return_temp", "degC"),
        _analog("outdoor_temp", "degC"),
        _command("co2_setpoint", "ppm"),
        _command("humidity_setpoint", "%"),
        _analog("filter_pressure", "Pa"),
        _state("freezestat"),
        min_on_s=300,
        min_off_s=300,
        proves_s=300,  # dampers open first
    ),
    _kind(
        "terminal_unit",
        _switch("enable"),
        *_air(),
        _command("zone_setpoint", "degC"),
        _command("cooling_setpoint", "degC"),
        _command("heating_setpoint", "degC"),
        _command("airflow_setpoint", "m3/h"),
        _analog("airflow", "m3/h"),
        _command("damper", "%"),
        _command("reheat_valve", "%"),
        _analog("supply_temp", "degC"),
    ),
    _kind(
        "fan_coil",
        _enable(required=False),
        _status(),
        _state("fault"),
        _state("local"),
        *_air(),
        _command("zone_setpoint", "degC"),
        _command("cooling_setpoint", "degC"),
        _command("heating_setpoint", "degC"),
        _command("fan_speed", "%"),
        _command("cooling_valve", "%"),
        _command("heating_valve", "%"),
        _analog("supply_temp", "degC"),
        _power(),
        _energy(),
        min_on_s=60,
        min_off_s=60,
    ),
    _kind(
        "fan",
        _enable(),
        *_motor(),
        _command("speed", "%"),
        _command("damper", "%"),
        _state("damper_open"),
        _analog("airflow", "m3/h"),
        _analog("static_pressure", "Pa"),
        min_on_s=60,
        min_off_s=60,
    ),
    _kind(
        "damper",
        _switch("enable"),
        _command("position", "%"),
        _state("open"),
        _state("closed"),
        _analog("feedback", "%"),
        _state("fault"),
        _state("local"),
    ),
    _kind("room", *_air(), _command("zone_setpoint", "degC")),
)

_OTHERS = (
    _kind(
        "lighting_circuit",
        _enable(),
        _status(),
        _command("level", "%"),
        _switch("warning"),  # a lamp or buzzer that announces the sweep
        _analog("illuminance", "lx"),
        _state("occupied"),
        _state("motion"),
        _state("extend"),  # a push-button: light for longer
        _state("fault"),
        _state("local"),
        _power(),
        _energy(),
    ),
    _kind(
        "charger",  # of vehicles, or of batteries
        _enable(required=False),
        *_motor(),
        _command("demand_limit", "%"),
        _state("occupied"),
        min_on_s=60,
        min_off_s=60,
        proves_s=12 * 3600,  # a vehicle that is full, or not there, draws nothing
        cycles=True,
    ),
    _kind("parking_bay", _state("occupied", required=True)),
    _kind(
        "lit_area",  # what circuits light: an aisle, a walkway, a part of an office
        _state("occupied"),
        _state("motion"),
        _state("arrival"),  # a loop in the ground, a barrier that opens
        _state("extend"),
        _analog("illuminance", "lx"),
    ),
    _kind("photocell", _state("dark"), _analog("illuminance", "lx")),
    _kind(
        "air_compressor",
        _enable(),
        _status(),  # many have no contact: then power, current or the pressure show that it runs
        _state("fault"),
        _state("local"),
        _command("pressure_setpoint", "kPa"),
        _command("speed", "%"),
        _analog("speed_feedback", "%"),
        _analog("load", "%"),
        _analog("current", "A"),
        _power(),
        _energy(),
        min_on_s=600,
        min_off_s=300,
        cycles=True,
    ),
    _kind(
        "air_dryer",
        _enable(),
        _status(),
        _state("fault"),
        _power(),
        _energy(),
        min_on_s=60,
        min_off_s=60,
        cycles=True,
    ),
    _kind(
        "water_heater",
        _enable(),
        _status(),
        _state("fault"),
        _analog("tank_temp", "degC"),
        _command("tank_setpoint", "degC"),
        _power(),
        _energy(),
        proves_s=6 * 3600,  # a full tank that is hot waits for people
        cycles=True,
    ),
    _kind(
        "weather_station",
        _analog("outdoor_temp", "degC", required=True),
        _analog("wet_bulb_temp", "degC"),
        _analog("humidity", "%"),
        _analog("irradiance", "W/m2"),
    ),
    _kind("air_header", _analog("pressure", "kPa", required=True), _analog("flow", "m3/h")),
)

_METERS = (
    _kind("pv_inverter", _status(), _power(), _energy(required=True)),
    _kind(
        "meter",
        _power(),
        _energy(required=True),
        _state("sync"),  # rises with each interval
        _analog("power_factor", ""),
        _analog("reactive_energy", "kvarh"),
    ),
    _kind("water_meter", _analog("flow", "m3/h"), _volume(), medium=Medium.WATER),
    _kind("gas_meter", _analog("flow", "m3/h"), _volume(), medium=Medium.GAS),
    _kind(
        "heat_meter",
        _power(),
        _energy(required=True),
        _analog("flow", "m3/h"),
        _analog("supply_temp", "degC"),
        _analog("return_temp", "degC"),
        medium=Medium.HEAT,
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kind in (*_WATER_SIDE, *_AIR_SIDE, *WATER_SUPPLY, *_OTHERS, *_METERS)}
)
