"""What is seen to be wrong with machines and sensors, whoever commands them. Pure."""
