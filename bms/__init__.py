"""Park energy management and building automation controller."""
