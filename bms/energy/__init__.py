"""Energy from meter registers: intervals, quarter hours, demand, trees, the verdict. Pure."""
