"""The strategy `hot_water_plant`: boilers, heat pumps and their pumps on one loop. Pure."""
