"""The variational autoencoder in front of the car: frames to 16 means."""
