"""Energy, coal equivalent and CO2 of a site by year, and a printed table checked against itself."""
