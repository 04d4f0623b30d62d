"""The strategy `chilled_water_plant`. Pure."""
