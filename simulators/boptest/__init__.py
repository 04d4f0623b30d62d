"""A test case of BOPTEST as a plant: `simulators.boptest.boptest_plant:Boptest`."""
