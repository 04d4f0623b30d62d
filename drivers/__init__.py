"""Field protocols behind one `Driver` protocol: Modbus TCP, OPC-UA and in-process plants."""
