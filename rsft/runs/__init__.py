"""What happens around the stages: summing up, registering, promoting, tracing back, asking."""
