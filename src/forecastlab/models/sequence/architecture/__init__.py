"""Networks in torch; the first axis of every parameter and tensor counts the models."""
