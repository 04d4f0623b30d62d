"""The strategy `chilled_water_plant` and the interlock of flow. Pure."""
